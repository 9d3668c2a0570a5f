"""What a command answers on stdout: words, a table or JSON."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from folkmoot.cli.screen import Screen, plain
from folkmoot.cli.text import number, objects, word
from folkmoot.kernel.json import Json, JsonObject, dumps

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]

_WIDTH_OF_A_PIPE = 160
# What a terminal would take for a command or for a change of direction; in JSON it can only be inside of a string.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def print_text(text: str) -> None:
    sys.stdout.write(plain(text).rstrip("\n") + "\n")


def print_json(value: Json, *, is_for_eyes: bool = False) -> None:
    """JSON that reads back as the same value, whatever is in it; indented where it is for eyes too."""
    written = json.dumps(value, ensure_ascii=False, indent=2) if is_for_eyes else dumps(value)
    sys.stdout.write(_UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", written) + "\n")


def print_table(shown: Table | str) -> None:
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    Console(markup=False, highlight=False, emoji=False, width=width).print(shown)


def table_of(titles: Sequence[str], rows: Iterable[Sequence[Json]]) -> Table:
    """A table whose last column is the one that is cut where there is no room."""
    cells = [[word(value) for value in row] for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, title in enumerate(titles[:-1]):
        widest = max([len(title), *(len(row[place]) for row in cells)])
        table.add_column(title, no_wrap=True, min_width=widest)
    table.add_column(titles[-1], no_wrap=True, overflow="ellipsis")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    return table


def fact_lines(facts: dict[str, str]) -> list[str]:
    """`name      value` for each fact that there is."""
    width = max(map(len, facts)) + 2
    return [f"{name:{width}}{value}" for name, value in facts.items() if value]


def say_warnings(found: JsonObject, screen: Screen) -> None:
    """What an agent's config or a team's role names and has no effect, on stderr."""
    for warning in objects(found.get("warnings")):
        role = f"{word(warning['role'])}: " if warning.get("role") else ""
        screen.say(f"warning: {role}{word(warning.get('sentence'))}")


def say_what_is_left(screen: Screen, page: JsonObject, shown: int) -> None:
    """Where a page is not the whole list, on stderr: how much there is and how to see more."""
    skip, total = number(page.get("skip")), number(page.get("total"))
    if shown and skip + shown < total:
        screen.say(f"{skip + 1} to {skip + shown} of {total:,}; go on with --skip {skip + shown}")


def short_time(value: Json) -> str:
    """A moment of the API to the minute."""
    return word(value)[:16].replace("T", " ")
