"""`folkmoot workspaces`: which there are, and making one."""

import sys
from typing import Annotated

import typer

from folkmoot.cli.asking import Limit, Skip, Wish, ask, get, post
from folkmoot.cli.printing import AsJson, print_table, print_text, say_what_is_left, table_of
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import objects, word
from folkmoot.kernel.json import JsonObject

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("list")
def list_workspaces(limit: Limit = 50, skip: Skip = 0, json: AsJson = False) -> None:
    """The workspaces, the newest first."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("workspaces"))
        rows = ([one.get("id"), one.get("slug"), one.get("name")] for one in found)
        print_table(table_of(("WORKSPACE", "SLUG", "NAME"), rows))
        say_what_is_left(screen, page, len(found))

    ask(Wish(None, json), lambda: get("/api/workspaces", limit=limit, skip=skip), tell)


@command.command("create")
def create_workspace(
    name: Annotated[str, typer.Argument(help="Its name.")],
    slug: Annotated[str | None, typer.Option(help="Its slug.  [default: from the name]")] = None,
    json: AsJson = False,
) -> None:
    """Make a workspace, with a project in it."""

    def tell(made: JsonObject, screen: Screen) -> None:
        print_text(f"{word(made.get('slug'))}\nworkspace {word(made.get('id'))}")

    ask(Wish(None, json), lambda: post("/api/workspaces", name=name, slug=slug), tell)
