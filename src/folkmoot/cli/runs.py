"""`folkmoot runs`: what there is, what became of it, and the verbs on a run that need no following."""

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import quote

import typer
from rich.table import Table
from rich.text import Text

from folkmoot.cli.connection import connect
from folkmoot.cli.printing import AsJson, print_json, print_table, print_text
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import duration_words, log_words, objects, result_lines, status_words, usage_words, word
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import JsonObject

RunId = Annotated[str, typer.Argument(help="The run's id.", metavar="RUN_ID")]

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


def run_path(run_id: str, verb: str = "") -> str:
    """The run's address. Raises BadUsage for what cannot be a run's id, before anything is connected."""
    if not is_id(run_id):
        raise BadUsage(f"{word(run_id)} is no run's id; folkmoot runs list shows them")
    return f"/api/runs/{quote(run_id)}" + (f"/{verb}" if verb else "")


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
