"""`folkmoot debates`: the debates of a workspace, what they came to, and steering one."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from folkmoot.cli.asking import Call, Limit, Skip, Wish, Workspace, ask, get, post, workspace_headers
from folkmoot.cli.connection import connect
from folkmoot.cli.debate_text import UNDER_WAY, round_line, statement_lines
from folkmoot.cli.folder import write
from folkmoot.cli.printing import AsJson, print_table, print_text, say_what_is_left, short_time, table_of
from folkmoot.cli.problems import COMPLETED, BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen, one_line
from folkmoot.cli.text import objects, word
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import JsonObject

Debate = Annotated[str, typer.Argument(help="The debate's id.", metavar="DEBATE")]
_FORMATS = {".json": "json", ".md": "markdown", ".html": "html"}

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("list")
def list_debates(
    status: Annotated[str | None, typer.Option(help="Only those of this status.")] = None,
    limit: Limit = 50,
    skip: Skip = 0,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """The workspace's debates, newest first."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("debates"))
        rows = (
            [
                one.get("debate_id"),
                one.get("status"),
                one.get("current_round"),
                one.get("consensus_score"),
                one.get("leader"),
                short_time(one.get("created_at")),
                _topic(one),
            ]
            for one in found
        )
        head = ("ID", "STATUS", "ROUND", "CONSENSUS", "LEADER", "MADE (UTC)", "TOPIC")
        print_table(table_of(head, rows) if found else "There are no debates here; folkmoot debate begins one")
        say_what_is_left(screen, page, len(found))

    ask(Wish(workspace, json), lambda: get("/api/debates", status=status, limit=limit, skip=skip), tell)


@command.command("show")
def show_debate(debate: Debate, workspace: Workspace = None, json: AsJson = False) -> None:
    """How a debate stands: its rounds, and what everybody holds."""

    def tell(found: JsonObject, screen: Screen) -> None:
        lines = [f"{_topic(found)}", f"{word(found.get('status'))}, round {found.get('current_round')}"]
        lines += [round_line(one, _threshold(found)) for one in objects(found.get("rounds"))]
        for one in objects(found.get("participants")):
            lines.append(f"  {word(one.get('name'))}: {one_line(word(one.get('position') or 'no position yet'), 80)}")
        if found.get("status") not in UNDER_WAY:
            lines.append(f"report: folkmoot debates report {found.get('debate_id')}")
        print_text("\n".join(lines))

    ask(Wish(workspace, json), lambda: get(f"/api/debates/{_id(debate)}"), tell)


@command.command("transcript")
def show_transcript(
    debate: Debate, limit: Limit = 200, skip: Skip = 0, workspace: Workspace = None, json: AsJson = False
) -> None:
    """What was said, in order."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("statements"))
        print_text("\n".join(line for one in found for line in statement_lines(one)) or "Nothing was said yet")
        say_what_is_left(screen, page, len(found))

    ask(Wish(workspace, json), lambda: get(f"/api/debates/{_id(debate)}/transcript", limit=limit, skip=skip), tell)


@command.command("report")
def show_report(
    debate: Debate,
    out: Annotated[Path | None, typer.Option(help="A file to write: .html, .md or .json.")] = None,
    workspace: Workspace = None,
) -> None:
    """The report as Markdown, or as a file: a page that needs nothing else, Markdown, or JSON."""

    async def work(signals: Signals) -> int:
        suffix = ".md" if out is None else out.suffix.lower()
        if suffix not in _FORMATS:
            raise BadUsage("The file's name ends in .html, .md or .json")
        screen = Screen()
        headers = workspace_headers(workspace)
        async with connect(screen, signals) as client:
            path = f"/api/debates/{_id(debate)}/report?format={_FORMATS[suffix]}"
            body = await client.within(headers).body(path)
        if out is None:
            print_text(body.decode().rstrip())
        else:
            write(out, body)
            screen.say(f"written to {out}")
        return COMPLETED

    go(work, is_json=False)


@command.command("control")
def control_debate(
    debate: Debate,
    action: Annotated[Literal["start", "pause", "resume", "stop"], typer.Argument(help="What it is to do.")],
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Start, pause, resume or stop a debate; a stopped one is decided on what there is."""

    def tell(found: JsonObject, screen: Screen) -> None:
        print_text(word(found.get("status")))

    ask(Wish(workspace, json), lambda: post(f"/api/debate/{_id(debate)}/control", action=action), tell)


@command.command("say")
def say_in_debate(
    debate: Debate,
    text: Annotated[str, typer.Argument(help="What you have to say.")],
    position: Annotated[str | None, typer.Option(help="What you are for.")] = None,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Take part as a person; the agents hear it from their next turn on."""

    def tell(found: JsonObject, screen: Screen) -> None:
        print_text("\n".join(statement_lines(found)))

    def prepare() -> Call:
        return post(f"/api/debates/{_id(debate)}/statements", text=text, position=position)

    ask(Wish(workspace, json), prepare, tell)


def _id(debate: str) -> str:
    if not is_id(debate):
        raise BadUsage("A debate is named by its id; folkmoot debates list shows them")
    return debate.lower()


def _threshold(debate: JsonObject) -> float | None:
    config = debate.get("config")
    found = config.get("consensus_threshold") if isinstance(config, dict) else None
    return float(found) if isinstance(found, int | float) else None


def _topic(debate: JsonObject) -> str:
    config = debate.get("config")
    return one_line(word(config.get("debate_topic")) if isinstance(config, dict) else "", 60)
