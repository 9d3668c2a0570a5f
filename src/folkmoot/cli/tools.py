"""`folkmoot tools`: what agents of a workspace may use, and whether a person has to agree first."""

import sys
from typing import Annotated, NoReturn
from urllib.parse import quote

import typer

from folkmoot.cli.asking import Call, Limit, Skip, Wish, Workspace, ask, get, workspace_headers
from folkmoot.cli.connection import connect
from folkmoot.cli.given import Given, given, json_object
from folkmoot.cli.printing import AsJson, print_json, print_table, print_text, say_what_is_left, table_of
from folkmoot.cli.problems import COMPLETED, NOT_COMPLETED
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen, plain
from folkmoot.cli.text import objects, word
from folkmoot.kernel.json import JsonObject

Tool = Annotated[str, typer.Argument(help="The tool's name.", metavar="TOOL")]
Arguments = Annotated[str, typer.Argument(help="Its arguments as a JSON object.", metavar="JSON")]

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("list")
def list_tools(limit: Limit = 200, skip: Skip = 0, workspace: Workspace = None, json: AsJson = False) -> None:
    """The workspace's tools by name, and what it allows of them."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("tools"))
        rows = ([one.get("name"), one.get("risk"), state(one), one.get("source")] for one in found)
        print_table(table_of(("TOOL", "RISK", "STATE", "FROM"), rows))
        say_what_is_left(screen, page, len(found))

    ask(Wish(workspace, json), lambda: get("/api/tools", limit=limit, skip=skip), tell)


@command.command("allow")
def allow_tool(
    tool: Tool,
    unasked: Annotated[
        bool | None,
        typer.Option("--unasked/--asked", help="Whether it is used without asking a person.  [default: as it was]"),
    ] = None,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Let agents of the workspace use a tool."""
    body: JsonObject = {"allowed": True} if unasked is None else {"allowed": True, "needs_approval": not unasked}
    ask(Wish(workspace, json), lambda: Call("PATCH", tool_path(tool), {}, body), tell_state)


@command.command("forbid")
def forbid_tool(tool: Tool, workspace: Workspace = None, json: AsJson = False) -> None:
    """Let no agent of the workspace use a tool."""
    ask(Wish(workspace, json), lambda: Call("PATCH", tool_path(tool), {}, {"allowed": False}), tell_state)


@command.command("call")
def call_tool(tool: Tool, arguments: Arguments = "{}", workspace: Workspace = None, json: AsJson = False) -> None:
    """Use a tool once, by hand, and print what it answers; exit code 1 where it failed. It really does it."""
    call_by_hand(tool, given("JSON", arguments), Wish(workspace, json))


def call_by_hand(tool: str, arguments: Given, wish: Wish) -> NoReturn:
    async def work(signals: Signals) -> int:
        screen = Screen(is_quiet=wish.is_json)
        body: JsonObject = {"arguments": json_object(arguments)}
        headers = workspace_headers(wish.workspace)
        async with connect(screen, signals) as client:
            answer = await client.within(headers).post(f"{tool_path(tool)}/call", body)
        if wish.is_json:
            print_json(answer)
        else:
            print_text(plain(str(answer.get("text"))))
        return NOT_COMPLETED if answer.get("is_error") else COMPLETED

    go(work, is_json=wish.is_json)


def tool_path(tool: str) -> str:
    return f"/api/tools/{quote(tool, safe='')}"


def tell_state(tool: JsonObject, screen: Screen) -> None:
    print_text(f"{word(tool.get('name'))}: {state(tool)}")


def state(tool: JsonObject) -> str:
    if not tool.get("allowed"):
        return "forbidden"
    return "allowed, asked first" if tool.get("needs_approval") else "allowed"
