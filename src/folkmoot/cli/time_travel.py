"""`folkmoot runs journal|diff|fork|retry`: what a run stands for, two runs compared, and going on from a position."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from folkmoot.cli.client import PAGE, Client
from folkmoot.cli.connection import connect
from folkmoot.cli.given import given, json_object
from folkmoot.cli.printing import AsJson, print_json, print_text
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.run_ids import RunId, run_path
from folkmoot.cli.screen import Screen, one_line
from folkmoot.cli.text import number, objects, status_words, word
from folkmoot.cli.watch import Wish, watch
from folkmoot.kernel.ids import is_id, new_id
from folkmoot.kernel.json import JsonObject, dumps

Out = Annotated[Path | None, typer.Option(help="The folder for artifacts.  [default: folkmoot-out/RUN_ID]")]
Detach = Annotated[bool, typer.Option("--detach", help="Start the run and leave it to the server.")]

_SAME, _DIFFERENT = 0, 1


async def cursor_pages(client: Client, path: str, resource: str) -> AsyncIterator[JsonObject]:
    """The items of a list that pages by cursor."""
    after = 0
    while True:
        page = await client.get(path, after=after, limit=PAGE)
        found = objects(page.get(resource))
        for item in found:
            yield item
        if len(found) < PAGE:
            return
        after = number(page.get("next"))


def show_journal(run_id: RunId, json: AsJson = False) -> None:
    """A run's journal: everything it stands for, entry by entry."""

    async def work(signals: Signals) -> int:
        path = run_path(run_id, "journal")
        async with connect(Screen(is_quiet=json), signals) as client:
            entries: list[JsonObject] = [entry async for entry in cursor_pages(client, path, "entries")]
        if json:
            print_json({"entries": [*entries]})
        else:
            print_text("\n".join(entry_words(entry) for entry in entries))
        return 0

    go(work, is_json=json)


def compare_runs(
    run_id: RunId,
    other: Annotated[str, typer.Argument(help="The other run's id.", metavar="OTHER_ID")],
    json: AsJson = False,
) -> None:
    """Where two runs differ, apart from times, ids and usage; exit code 1 where they do."""

    async def work(signals: Signals) -> int:
        path = run_path(run_id, "diff")
        if not is_id(other):
            raise BadUsage(f"{word(other)} is no run's id; folkmoot runs list shows them")
        async with connect(Screen(is_quiet=json), signals) as client:
            found = await client.get(path, other=other)
        if json:
            print_json(found)
        else:
            print_text("\n".join(diff_lines(found)))
        return _SAME if found.get("is_same") is True else _DIFFERENT

    go(work, is_json=json)


def fork_run(
    run_id: RunId,
    after: Annotated[int, typer.Option("--after", min=1, help="The last entry of its journal that is taken over.")],
    input: Annotated[
        str, typer.Option("--input", help="What is to be another in the input: a JSON object, @FILE, or - for stdin.")
    ] = "{}",
    detach: Detach = False,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """Start a new run over a run's journal up to a position, and follow it."""
    typed = given("--input", input)

    def body() -> JsonObject:
        return {"after_seq": after, "input": json_object(typed)}

    go(_start(run_id, "fork", body, Wish(out, json), is_detached=detach), is_json=json)


def retry_run(run_id: RunId, detach: Detach = False, out: Out = None, json: AsJson = False) -> None:
    """Start a new run that goes on before the fault that ended a run, and follow it."""
    go(_start(run_id, "retry", dict, Wish(out, json), is_detached=detach), is_json=json)


def _start(
    run_id: str, verb: str, body: Callable[[], JsonObject], wish: Wish, *, is_detached: bool
) -> Callable[[Signals], Awaitable[int]]:
    async def work(signals: Signals) -> int:
        path, wanted, key = run_path(run_id, verb), body(), new_id()

        async def begin(client: Client, screen: Screen) -> JsonObject:
            return await client.post(path, wanted, key)

        if not is_detached:
            return await watch(signals, wish, begin)
        async with connect(Screen(is_quiet=wish.is_json), signals) as client:
            run = await client.post(path, wanted, key)
        if wish.is_json:
            print_json(run)
        else:
            print_text(f"{status_words(run)}\nrun {run['id']}")
        return 0

    return work


def entry_words(entry: JsonObject) -> str:
    """`7 11:43:40 done r1.review {...}`, on one line."""
    at = word(entry.get("at"))[11:19]
    head = f"{number(entry.get('seq')):>4} {at} {word(entry.get('kind')):8} {word(entry.get('key'))}"
    return one_line(f"{head} {dumps(entry.get('data'))}") if entry.get("data") else head


def diff_lines(found: JsonObject) -> list[str]:
    """A line for each difference, with its changes below; one line where there is none."""
    lines = []
    for difference in objects(found.get("differences")):
        here, there = difference.get("seq"), difference.get("other_seq")
        name = f"{word(difference.get('kind'))} {word(difference.get('key'))}"
        if there is None:
            lines.append(f"- {name} (entry {word(here)}): only the first run has it")
        elif here is None:
            lines.append(f"+ {name} (entry {word(there)}): only the second run has it")
        else:
            lines.append(f"! {name} (entries {word(here)} and {word(there)})")
            lines += [f"    {_operation(operation)}" for operation in objects(difference.get("patch"))]
    return lines or ["The runs are the same, apart from times, ids and usage"]


def _operation(operation: JsonObject) -> str:
    value = f" {dumps(operation['value'])}" if "value" in operation else ""
    return one_line(f"{word(operation.get('op'))} {word(operation.get('path')) or '(all of it)'}{value}")
