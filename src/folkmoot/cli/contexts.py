"""`folkmoot agents context`: what an agent keeps, version by version."""

import sys
from typing import Annotated

import typer

from folkmoot.cli.asking import Call, Limit, Skip, Wish, Workspace, agent_path, ask, get, post
from folkmoot.cli.given import given, json_object
from folkmoot.cli.printing import AsJson, print_json, print_table, print_text, say_what_is_left, short_time, table_of
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import objects, word
from folkmoot.kernel.json import JsonObject

Agent = Annotated[str, typer.Argument(help="The agent's id, number or slug.", metavar="AGENT")]
Name = Annotated[str, typer.Option("--name", help="The context's name.")]

_DEFAULT = "default"

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("show")
def show_context(
    agent: Agent,
    name: Name = _DEFAULT,
    version: Annotated[
        int | None, typer.Option(min=0, help="As it was at this version.  [default: the current one]")
    ] = None,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """What a context holds: its data on stdout, who wrote it and when on stderr."""

    def prepare() -> Call:
        return get(agent_path(agent, "context"), context_name=name, version=version)

    def tell(context: JsonObject, screen: Screen) -> None:
        screen.say(context_words(context))
        print_json(context.get("data"), is_for_eyes=True)

    ask(Wish(workspace, json), prepare, tell)


@command.command("write")
def write_context(
    agent: Agent,
    data: Annotated[
        str, typer.Argument(help="The whole new state: a JSON object, @FILE, or - for stdin.", metavar="JSON")
    ],
    name: Name = _DEFAULT,
    expected_version: Annotated[
        int | None, typer.Option(min=0, help="Write only while this is the current version.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="Why, for the history.")] = None,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Write the whole state as the next version."""
    read = given("JSON", data)

    def prepare() -> Call:
        return post(
            agent_path(agent, "context"),
            context_name=name,
            data=json_object(read),
            expected_version=expected_version,
            change_description=description,
        )

    ask(Wish(workspace, json), prepare, _tell_where_it_is)


@command.command("rollback")
def rollback_context(
    agent: Agent,
    version: Annotated[int, typer.Argument(min=1, help="The version to go back to.", metavar="VERSION")],
    name: Name = _DEFAULT,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Make an older version the current one; the next write is numbered after the newest all the same."""

    def prepare() -> Call:
        return post(agent_path(agent, "context/rollback"), context_name=name, target_version=version)

    ask(Wish(workspace, json), prepare, _tell_where_it_is)


@command.command("history")
def list_versions(
    agent: Agent,
    name: Name = _DEFAULT,
    limit: Limit = 50,
    skip: Skip = 0,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Who wrote which version, when and why, the newest first."""

    def prepare() -> Call:
        return get(agent_path(agent, "context/versions"), context_name=name, limit=limit, skip=skip)

    def tell(page: JsonObject, screen: Screen) -> None:
        versions = objects(page.get("versions"))
        titles = ("VERSION", "WRITTEN", "BY", "RUN", "DESCRIPTION")
        print_table(table_of(titles, map(_row, versions)) if versions else f"Nothing is written to {word(name)} yet")
        say_what_is_left(screen, page, len(versions))

    ask(Wish(workspace, json), prepare, tell)


def context_words(context: JsonObject) -> str:
    """`default at version 3, the newest is 5; user:local, 2026-11-21 11:43: Decided the database`."""
    version, newest = context.get("version"), context.get("current_version")
    words = f"{word(context.get('context_name'))} at version {word(version)}"
    if newest != version:
        words += f", the current one is {word(newest)}"
    if context.get("created_by"):
        words += f"; {word(context['created_by'])}, {short_time(context.get('created_at'))}"
    why = word(context.get("change_description"))
    return f"{words}: {why}" if why else words


def _row(version: JsonObject) -> list[str]:
    return [
        word(version.get("version")),
        short_time(version.get("created_at")),
        word(version.get("created_by")),
        word(version.get("run_id")),
        word(version.get("change_description")),
    ]


def _tell_where_it_is(context: JsonObject, screen: Screen) -> None:
    print_text(context_words(context))
