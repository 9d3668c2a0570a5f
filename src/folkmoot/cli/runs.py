"""`folkmoot runs`: what there is, what became of it, and the verbs on a run that need no following."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from folkmoot.cli import replay, time_travel
from folkmoot.cli.connection import connect
from folkmoot.cli.outcome import write_artifacts
from folkmoot.cli.printing import AsJson, print_json, print_table, print_text, table_of
from folkmoot.cli.process import Signals, go
from folkmoot.cli.run_ids import RunId, run_path
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import duration_words, log_words, objects, result_lines, status_words, usage_words, word
from folkmoot.kernel.json import JsonObject

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("list")
def list_runs(
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many, the newest first.")] = 20,
    json: AsJson = False,
) -> None:
    """The newest runs."""

    async def work(signals: Signals) -> int:
        async with connect(Screen(is_quiet=json), signals) as client:
            page = await client.get("/api/runs", limit=limit)
        if json:
            print_json(page)
        else:
            print_table(runs_table(objects(page.get("runs"))))
        return 0

    go(work, is_json=json)


@command.command("show")
def show_run(run_id: RunId, json: AsJson = False) -> None:
    """One run: its status, its result, what it used."""

    async def work(signals: Signals) -> int:
        path = run_path(run_id)
        async with connect(Screen(is_quiet=json), signals) as client:
            run = await client.get(path)
        if json:
            print_json(run)
        else:
            print_text("\n".join(run_lines(run)))
        return 0

    go(work, is_json=json)


@command.command("logs")
def show_logs(run_id: RunId, json: AsJson = False) -> None:
    """A run's log, from its first line to its last."""

    async def work(signals: Signals) -> int:
        run_path(run_id)
        async with connect(Screen(is_quiet=json), signals) as client:
            lines: list[JsonObject] = [line async for line in client.log(run_id, 0)]
        if json:
            print_json({"logs": [*lines]})
        else:
            print_text("\n".join(log_words(line) for line in lines))
        return 0

    go(work, is_json=json)


@command.command("cancel")
def cancel_run(run_id: RunId, json: AsJson = False) -> None:
    """Cancel a run; what it has made so far is kept."""
    go(_verb(run_id, "cancel", is_json=json), is_json=json)


@command.command("pause")
def pause_run(run_id: RunId, json: AsJson = False) -> None:
    """Pause a run; folkmoot resume goes on with it."""
    go(_verb(run_id, "pause", is_json=json), is_json=json)


@command.command("resume")
def resume_run(run_id: RunId, json: AsJson = False) -> None:
    """Let a paused run go on, without following it; for that there is folkmoot resume."""
    go(_verb(run_id, "resume", is_json=json), is_json=json)


@command.command("artifacts")
def list_artifacts(
    run_id: RunId,
    out: Annotated[Path | None, typer.Option(help="Write the newest version of each into this folder.")] = None,
    json: AsJson = False,
) -> None:
    """What a run has made: names, versions, types, sizes and hashes."""

    async def work(signals: Signals) -> int:
        path = run_path(run_id, "artifacts")
        async with connect(Screen(is_quiet=json), signals) as client:
            found: list[JsonObject] = [artifact async for artifact in client.pages(path, "artifacts")]
            written = await write_artifacts(client, run_id, out) if out is not None else {}
        if json:
            print_json({"artifacts": [*found], "written": {**written}})
        else:
            print_table(artifacts_table(found))
            print_text("\n".join(written.values()))
        return 0

    go(work, is_json=json)


command.command("journal")(time_travel.show_journal)
command.command("diff")(time_travel.compare_runs)
command.command("fork")(time_travel.fork_run)
command.command("retry")(time_travel.retry_run)
command.command("replay")(replay.replay_run)
command.command("export")(replay.export_run)


def _verb(run_id: str, verb: str, *, is_json: bool) -> Callable[[Signals], Awaitable[int]]:
    async def work(signals: Signals) -> int:
        path = run_path(run_id, verb)
        async with connect(Screen(is_quiet=is_json), signals) as client:
            run = await client.post(path)
        if is_json:
            print_json(run)
        else:
            print_text(f"{status_words(run)}\nrun {run['id']}")
        return 0

    return work


def runs_table(runs: list[JsonObject]) -> Table | str:
    if not runs:
        return 'There are no runs yet; start one with: folkmoot run "TASK"'
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, width in (("RUN", 36), ("STATUS", 9), ("STARTED", 16)):
        table.add_column(title, no_wrap=True, min_width=width)
    table.add_column("TITLE", no_wrap=True, overflow="ellipsis")
    for run in runs:
        started = word(run.get("started_at"))[:16].replace("T", " ")
        title = word(run.get("title") or run.get("kind"))
        table.add_row(str(run.get("id")), str(run.get("status")), started, Text(title))
    return table


def artifacts_table(found: list[JsonObject]) -> Table | str:
    if not found:
        return "There are no artifacts"
    members = ("name", "version", "media_type", "size", "sha256")
    rows = [[artifact.get(member) for member in members] for artifact in found]
    return table_of(("NAME", "VERSION", "TYPE", "BYTES", "SHA-256"), rows)


def run_lines(run: JsonObject) -> list[str]:
    """Everything `runs show` says."""
    facts = {
        "run": word(run.get("id")),
        "task": word(run.get("task_id")),
        "kind": word(run.get("kind")),
        "status": status_words(run),
        "started": word(run.get("started_at")),
        "completed": word(run.get("completed_at")),
        "took": duration_words(run),
        "rounds": word(run.get("round_count")),
        "usage": usage_words(run.get("usage")),
    }
    results = result_lines(run)
    return [f"{name:10}{value}" for name, value in facts.items() if value] + ([""] if results else []) + results
