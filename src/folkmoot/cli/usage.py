"""`folkmoot usage`: what calls of language models took, as a table or as a CSV file."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from folkmoot.cli.asking import Limit, Skip, Workspace, workspace_headers
from folkmoot.cli.connection import connect
from folkmoot.cli.printing import AsJson, print_json, print_table, print_text, say_what_is_left, table_of
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import cost_words, number, objects, word
from folkmoot.kernel.json import Json, JsonObject

_PATH = "/api/usage"


class GroupBy(StrEnum):
    AGENT = "agent"
    MODEL = "model"
    PROJECT = "project"
    DAY = "day"
    KIND = "kind"


def command(
    group_by: Annotated[GroupBy, typer.Option(help="What it is added up by.")] = GroupBy.MODEL,
    since: Annotated[str | None, typer.Option("--from", help="From this day on, in UTC.", metavar="DAY")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Up to this day, without it.", metavar="DAY")] = None,
    to_file: Annotated[Path | None, typer.Option("--csv", help="Write it all into this file.", metavar="PATH")] = None,
    limit: Limit = 50,
    skip: Skip = 0,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """What calls of language models took; a cost that is not known is said to be unknown."""
    given = {"group_by": group_by.value, "from": since, "to": until}
    query: dict[str, str | int] = {name: value for name, value in given.items() if value is not None}

    async def work(signals: Signals) -> int:
        screen = Screen(is_quiet=json)
        async with connect(screen, signals) as client:
            within = client.within(workspace_headers(workspace))
            if to_file is not None:
                body = await within.body(f"{_PATH}?{urlencode({**query, 'format': 'csv'})}")
                _write(to_file, body)
                print_text(str(to_file))
                return 0
            page = await within.get(_PATH, limit=limit, skip=skip, **query)
        print_json(page) if json else _tell(page, screen, group_by)
        return 0

    go(work, is_json=json)


def _write(path: Path, body: bytes) -> None:
    try:
        path.write_bytes(body)
    except OSError as error:
        raise BadUsage(f"{path} cannot be written: {error.strerror}") from None


def _tell(page: JsonObject, screen: Screen, group_by: GroupBy) -> None:
    found = objects(page.get("usage"))
    if not found:
        print_text("No language model was called yet")
        return
    sums = page.get("sums")
    rows = [_row(one, word(one.get("key")) or "-") for one in found]
    if isinstance(sums, dict):
        rows.append(_row(sums, "all"))
    titles = (group_by.value.upper(), "CALLS", "KNOWN", "TOKENS IN", "CACHED", "TOKENS OUT", "ESTIMATED", "COST")
    print_table(table_of(titles, rows))
    say_what_is_left(screen, page, len(found))


def _row(one: JsonObject, key: str) -> list[Json]:
    names = ("calls", "cache_hits", "input_tokens", "cached_tokens", "output_tokens", "estimated_calls")
    cost, unknown = cost_words(one.get("cost_usd")), number(one.get("unknown_cost_calls"))
    return [key, *(f"{number(one.get(name)):,}" for name in names), f"{cost} of {unknown:,} calls" if unknown else cost]
