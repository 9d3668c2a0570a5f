"""`folkmoot secrets`: a workspace's own keys. A value is typed unseen or comes on stdin, and is never printed."""

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, NoReturn

import typer

from folkmoot.cli.asking import Limit, Skip, Wish, Workspace, ask, post, workspace_headers
from folkmoot.cli.client import Client
from folkmoot.cli.connection import connect
from folkmoot.cli.printing import AsJson, print_json, print_table, print_text, say_what_is_left, short_time, table_of
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import number, objects, word
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import JsonObject
from folkmoot.providers.rules import PROVIDER_KEYS, is_secret_name

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)

_LONGEST = 16_384
_DEFAULT = "default"
_NAMES = " and ".join(PROVIDER_KEYS)

Name = Annotated[
    str, typer.Argument(help=f"The secret's name; language models are asked with {_NAMES}.", metavar="NAME")
]


@command.command("list")
def list_secrets(limit: Limit = 50, skip: Skip = 0, workspace: Workspace = None, json: AsJson = False) -> None:
    """Which secrets there are, and whether the server's key is still the one they are encrypted with."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("secrets"))
        rows = ([one.get("name"), short_time(one.get("updated_at")), one.get("key")] for one in found)
        print_table(table_of(("NAME", "SET", "KEY"), rows) if found else "There are no secrets here")
        say_what_is_left(screen, page, len(found))

    async def call(client: Client, path: str) -> JsonObject:
        return await client.get(path, limit=limit, skip=skip)

    _there(Wish(workspace, json), call, tell)


@command.command("set")
def set_secret(name: Name, workspace: Workspace = None, json: AsJson = False) -> None:
    """Set or replace a secret. Its value is asked for, or read from stdin where that is no terminal."""
    given = _typed() if sys.stdin.isatty() else _from_stdin()

    async def call(client: Client, path: str) -> JsonObject:
        return await client.put(f"{path}/{_checked(name)}", {"value": _value(given)})

    def tell(secret: JsonObject, screen: Screen) -> None:
        print_text(f"{word(secret.get('name'))} is set")

    _there(Wish(workspace, json), call, tell)


@command.command("delete")
def delete_secret(name: Name, workspace: Workspace = None, json: AsJson = False) -> None:
    """Delete a secret; where it was a provider's key the server's own is used again."""

    async def call(client: Client, path: str) -> JsonObject:
        await client.delete(f"{path}/{_checked(name)}")
        return {}

    def tell(_: JsonObject, screen: Screen) -> None:
        print_text(f"{name} is deleted")

    _there(Wish(workspace, json), call, tell)


@command.command("rotate")
def rotate_secrets(json: AsJson = False) -> None:
    """Encrypt the secrets of all workspaces with the current SECRET_KEY, those of PREVIOUS_SECRET_KEYS included."""

    def tell(done: JsonObject, screen: Screen) -> None:
        left = objects(done.get("unreadable"))
        print_text(f"{number(done.get('rotated'))} encrypted anew, {len(left)} unreadable")
        for one in left:
            print_text(f"unreadable  {word(one.get('name'))} of workspace {word(one.get('workspace_id'))}")

    ask(Wish(None, json), lambda: post("/api/secrets/rotate"), tell)


def _there(
    wish: Wish, call: Callable[[Client, str], Awaitable[JsonObject]], tell: Callable[[JsonObject, Screen], None]
) -> NoReturn:
    """Make the call on the path of the workspace's secrets and print its answer."""

    async def work(signals: Signals) -> int:
        screen = Screen(is_quiet=wish.is_json)
        workspace_headers(wish.workspace)  # what can be no workspace is refused before anything is connected
        async with connect(screen, signals) as client:
            answer = await call(client, f"/api/workspaces/{await _workspace_id(client, wish.workspace)}/secrets")
        if wish.is_json:
            print_json(answer)
        else:
            tell(answer, screen)
        return 0

    go(work, is_json=wish.is_json)


async def _workspace_id(client: Client, workspace: str | None) -> str:
    """The path takes an id: a slug is looked up, and without one `default` or the only workspace there is."""
    if workspace is not None and is_id(workspace):
        return workspace
    seen = []
    async for one in client.pages("/api/workspaces", "workspaces"):
        seen.append(word(one.get("id")))
        if one.get("slug") == (workspace or _DEFAULT):
            return seen[-1]
    if workspace is None and len(seen) == 1:
        return seen[0]
    raise BadUsage(
        f"There is no workspace {word(workspace)}; folkmoot workspaces list shows them"
        if workspace is not None
        else "Name a workspace with --workspace; folkmoot workspaces list shows them"
    )


def _checked(name: str) -> str:
    if not is_secret_name(name):
        raise BadUsage(f"{word(name)!r} is no secret's name, which is made of a-z, 0-9 and _")
    return name


def _typed() -> bytes:
    found: str = typer.prompt("Value", hide_input=True, err=True)
    return found.encode(errors="surrogateescape")


def _from_stdin() -> bytes:
    """Read before the event loop runs, which could not hear Ctrl-C meanwhile."""
    return sys.stdin.buffer.read(_LONGEST)


def _value(given: bytes) -> str:
    """Without its line end. Raises BadUsage, which shows nothing of it."""
    try:
        value = given.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadUsage("The value is not UTF-8") from None
    if not value:
        raise BadUsage("There is no value on stdin")
    return value
