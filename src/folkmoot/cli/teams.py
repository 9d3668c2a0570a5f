"""`folkmoot teams`: who works together and how, kept in files or made by hand."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from folkmoot.cli.asking import Call, Limit, Skip, Wish, Workspace, ask, get, workspace_headers
from folkmoot.cli.connection import connect
from folkmoot.cli.printing import (
    AsJson,
    print_json,
    print_table,
    print_text,
    say_warnings,
    say_what_is_left,
    table_of,
)
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.cli.team_files import apply_team, read_teams, written
from folkmoot.cli.text import objects, word
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import Json, JsonObject

Team = Annotated[str, typer.Argument(help="The team's slug or id.", metavar="TEAM")]

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("list")
def list_teams(limit: Limit = 50, skip: Skip = 0, workspace: Workspace = None, json: AsJson = False) -> None:
    """The built-in teams and the workspace's own, by slug."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("teams"))
        rows = (
            [one.get("slug"), one.get("orchestration"), _seat(one.get("lead")), _seats(one), one.get("description")]
            for one in found
        )
        print_table(table_of(("SLUG", "WORKS BY", "LEAD", "MEMBERS", "DESCRIPTION"), rows))
        say_what_is_left(screen, page, len(found))

    ask(Wish(workspace, json), lambda: get("/api/teams", limit=limit, skip=skip), tell)


@command.command("show")
def show_team(team: Team, workspace: Workspace = None, json: AsJson = False) -> None:
    """A team as it is."""

    def tell(view: JsonObject, screen: Screen) -> None:
        print_text(written([view]))
        say_warnings(view, screen)

    ask(Wish(workspace, json), lambda: get(_path(team)), tell)


@command.command("export")
def export_team(
    team: Team,
    out: Annotated[Path | None, typer.Option(help="The file to write.  [default: stdout]")] = None,
    workspace: Workspace = None,
) -> None:
    """A team as YAML, which `folkmoot teams apply` reads. Agents stand in it by their ids."""

    def tell(view: JsonObject, screen: Screen) -> None:
        text = written([view])
        if out is None:
            print_text(text)
            return
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise BadUsage(f"{out} cannot be written: {error.strerror}") from None
        screen.say(f"{word(view.get('slug'))} is in {out}")

    ask(Wish(workspace, False), lambda: get(_path(team)), tell)


@command.command("apply")
def apply_teams(
    file: Annotated[Path, typer.Argument(help="A YAML file with a team, or with several, one per document.")],
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Make the teams of a file, or have those of their slugs be like that."""

    async def work(signals: Signals) -> int:
        specs = read_teams(file)
        screen = Screen(is_quiet=json)
        headers = workspace_headers(workspace)
        async with connect(screen, signals) as connected:
            client = connected.within(headers)
            done = [await apply_team(client, spec) for spec in specs]
        if json:
            views: list[Json] = [view for _, view in done]
            print_json({"teams": views})
            return 0
        print_text("\n".join(f"{word(view.get('slug'))} is {what}" for what, view in done))
        for _, view in done:
            say_warnings(view, screen)
        return 0

    go(work, is_json=json)


@command.command("delete")
def delete_team(team: Team, workspace: Workspace = None, json: AsJson = False) -> None:
    """Delete a team; its tasks and runs are kept."""

    def tell(_: JsonObject, screen: Screen) -> None:
        print_text(f"{team} is deleted")

    ask(Wish(workspace, json), lambda: Call("DELETE", _path(team), {}), tell)


def _path(team: str) -> str:
    if not is_id(team) and not team.replace("-", "").replace("_", "").isalnum():
        raise BadUsage(f"{word(team)!r} is no team's slug or id; folkmoot teams list shows them")
    return f"/api/teams/{team}"


def _seats(team: JsonObject) -> str:
    members = team.get("members")
    return ", ".join(_seat(member) for member in members) if isinstance(members, list) else ""


def _seat(seat: Json) -> str:
    """Who sits there: a role by its slug, an agent by its id."""
    known = seat if isinstance(seat, dict) else {}
    return word(known.get("slug") or known.get("agent"))
