"""`folkmoot mcp`: servers that a workspace has tools from."""

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, NoReturn

import typer

from folkmoot.cli.asking import Limit, Skip, Wish, Workspace, ask, get, post, workspace_headers
from folkmoot.cli.client import Client
from folkmoot.cli.connection import connect
from folkmoot.cli.given import given
from folkmoot.cli.printing import AsJson, print_json, print_table, print_text, say_what_is_left, short_time, table_of
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import objects, word
from folkmoot.cli.tools import Arguments, call_by_hand
from folkmoot.kernel.json import JsonObject
from folkmoot.tools.mcp.rules import tool_name

_HOME = "/api/mcp-servers"
Server = Annotated[str, typer.Argument(help="The server's name or id.", metavar="SERVER")]

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("list")
def list_servers(limit: Limit = 50, skip: Skip = 0, workspace: Workspace = None, json: AsJson = False) -> None:
    """The workspace's MCP servers by name; the operator's are not among them."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("mcp_servers"))
        rows = (
            [one.get("name"), state(one), _count(one, "tools"), short_time(one.get("seen_at")), one.get("url")]
            for one in found
        )
        none = "There are no MCP servers here; folkmoot mcp add adds one"
        print_table(table_of(("NAME", "STATE", "TOOLS", "SEEN (UTC)", "URL"), rows) if found else none)
        say_what_is_left(screen, page, len(found))

    ask(Wish(workspace, json), lambda: get(_HOME, limit=limit, skip=skip), tell)


@command.command("add")
def add_server(
    name: Annotated[str, typer.Argument(help="What its tools' names begin with.")],
    url: Annotated[str, typer.Argument(help="Where it speaks MCP over HTTP.")],
    secret: Annotated[
        str | None, typer.Option(help="Which of the workspace's secrets is its bearer token.", metavar="NAME")
    ] = None,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Add a server and agree to the tools that it lists now."""
    ask(Wish(workspace, json), lambda: post(_HOME, name=name, url=url, secret=secret), _tell)


@command.command("refresh")
def refresh_server(
    server: Server,
    agree: Annotated[bool, typer.Option("--agree", help="Agree to what it lists now.")] = False,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Ask a server for its tools; new and changed ones are shown, and are there once they are agreed to."""

    async def work(client: Client, found: JsonObject) -> JsonObject:
        path = _path(found)
        refreshed = await client.post(f"{path}/refresh")
        new = refreshed.get("new_tools_hash")
        return await client.patch(path, {"agreed_hash": new}) if agree and new else refreshed

    _about(server, Wish(workspace, json), work, _tell)


@command.command("remove")
def remove_server(server: Server, workspace: Workspace = None, json: AsJson = False) -> None:
    """Remove a server with its tools, and what was decided about them."""

    async def work(client: Client, found: JsonObject) -> JsonObject:
        await client.delete(_path(found))
        return {}

    def tell(_: JsonObject, screen: Screen) -> None:
        print_text(f"{word(server)} is removed")

    _about(server, Wish(workspace, json), work, tell)


@command.command("call")
def call_tool(
    server: Annotated[str, typer.Argument(help="The server's name, also one of the operator's.", metavar="SERVER")],
    tool: Annotated[str, typer.Argument(help="The tool's name, as the server has it.", metavar="TOOL")],
    arguments: Arguments = "{}",
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Use a server's tool once, by hand, and print what it answers; exit code 1 where it failed."""
    call_by_hand(tool_name(server, tool), given("JSON", arguments), Wish(workspace, json))


def _about(
    server: str,
    wish: Wish,
    work: Callable[[Client, JsonObject], Awaitable[JsonObject]],
    tell: Callable[[JsonObject, Screen], None],
) -> NoReturn:
    """Find the server, do something with it and print the answer."""

    async def found(signals: Signals) -> int:
        screen = Screen(is_quiet=wish.is_json)
        headers = workspace_headers(wish.workspace)
        async with connect(screen, signals) as connected:
            client = connected.within(headers)
            answer = await work(client, await _found(client, server))
        if wish.is_json:
            print_json(answer)
        else:
            tell(answer, screen)
        return 0

    go(found, is_json=wish.is_json)


async def _found(client: Client, server: str) -> JsonObject:
    """By name or id. Raises BadUsage."""
    async for one in client.pages(_HOME, "mcp_servers"):
        if server in (one.get("name"), one.get("id")):
            return one
    raise BadUsage(f"There is no MCP server {word(server)!r}; folkmoot mcp list shows them")


def _path(server: JsonObject) -> str:
    return f"{_HOME}/{word(server.get('id'))}"


def _tell(server: JsonObject, screen: Screen) -> None:
    tools = server.get("tools")
    names = [word(name) for name in tools] if isinstance(tools, list) else []
    print_text(f"{word(server.get('name'))}: {state(server)}")
    for name in names:
        print_text(f"  {name}")
    for one in objects(server.get("new_tools")):
        print_text(f"  not agreed to: {word(one.get('name'))}: {word(one.get('description'))}")
    if error := word(server.get("last_error")):
        screen.say(error)


def state(server: JsonObject) -> str:
    if not server.get("is_enabled"):
        return "disabled"
    if server.get("last_error"):
        return "failing"
    return "changed" if server.get("new_tools_hash") else "enabled"


def _count(server: JsonObject, member: str) -> int:
    found = server.get(member)
    return len(found) if isinstance(found, list) else 0
