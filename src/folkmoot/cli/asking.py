"""Commands that are one call of the API in one workspace: the shape that all of them share."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, NamedTuple, NoReturn

import typer

from folkmoot.cli.client import Client
from folkmoot.cli.connection import connect
from folkmoot.cli.printing import print_json
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import word
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import Json, JsonObject, dumps

Workspace = Annotated[
    str | None,
    typer.Option("--workspace", help="The workspace's id or slug.  [default: the default workspace]", metavar="REF"),
]
Limit = Annotated[int, typer.Option(min=1, max=200, help="At most so many.")]
Skip = Annotated[int, typer.Option(min=0, help="Leave out so many at the beginning.")]

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
# the one word that would read another address than an agent's
_NO_AGENT = "definitions"


class Call(NamedTuple):
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    query: dict[str, str | int]
    body: JsonObject | None = None


class Wish(NamedTuple):
    """Where a call is about, and how its answer is wanted; it `works` where runs have to be worked on for that."""

    workspace: str | None
    is_json: bool
    works: bool = False


def get(path: str, **query: str | int | None) -> Call:
    """A query's null is not sent."""
    return Call("GET", path, {name: value for name, value in query.items() if value is not None})


def post(path: str, **body: Json) -> Call:
    """A body's null is not sent."""
    return Call("POST", path, {}, {name: value for name, value in body.items() if value is not None})


def ask(wish: Wish, prepare: Callable[[], Call], tell: Callable[[JsonObject, Screen], None]) -> NoReturn:
    """Make the call and print its answer: as JSON, or as `tell` does it.

    `prepare` runs before anything is connected, so that what cannot be asked leaves no trace.
    """

    prepared = list[Call]()

    def check() -> None:
        prepared.append(prepare())
        _check_text(prepared[0])

    async def find(_: Client) -> Call:
        return prepared[0]

    ask_there(wish, check, find, tell)


def ask_there(
    wish: Wish,
    check: Callable[[], object],
    find: Callable[[Client], Awaitable[Call]],
    tell: Callable[[JsonObject, Screen], None],
) -> NoReturn:
    """As `ask`, of a call that depends on what there is: `check` runs before anything is connected."""

    async def work(signals: Signals) -> int:
        screen = Screen(is_quiet=wish.is_json)
        headers = workspace_headers(wish.workspace)
        check()
        async with connect(screen, signals, works=wish.works) as client:
            here = client.within(headers)
            call = await find(here)
            _check_text(call)
            answer = await _made(here, call)
        if wish.is_json:
            print_json(answer)
        else:
            tell(answer, screen)
        return 0

    go(work, is_json=wish.is_json)


def workspace_headers(workspace: str | None) -> dict[str, str]:
    """The selector of a workspace by id or slug. Raises BadUsage for what can be neither."""
    if workspace is None:
        return {}
    if is_id(workspace):
        return {"X-Workspace-Id": workspace}
    if not _SLUG.fullmatch(workspace):
        raise BadUsage(f"{word(workspace)!r} is no workspace's id or slug; folkmoot workspaces list shows them")
    return {"X-Workspace-Slug": workspace}


def agent_path(agent: str, rest: str = "") -> str:
    """The agent's address. Raises BadUsage for what can be no agent's id, number or slug."""
    if not _REFERENCE.fullmatch(agent) or agent == _NO_AGENT:
        raise BadUsage(f"{word(agent)!r} is no agent's id, number or slug; folkmoot agents list shows them")
    return f"/api/agents/{agent}" + (f"/{rest}" if rest else "")


def _check_text(call: Call) -> None:
    """Raises BadUsage for what JSON cannot carry: arguments that are not UTF-8, and nesting without end."""
    try:
        dumps([call.query, call.body])
    except TypeError as error:
        raise BadUsage(f"What was given cannot be sent: {error}") from None


async def _made(client: Client, call: Call) -> JsonObject:
    match call.method:
        case "GET":
            return await client.get(call.path, **call.query)
        case "POST":
            return await client.post(call.path, call.body)
        case "PATCH":
            return await client.patch(call.path, call.body or {})
        case "DELETE":
            await client.delete(call.path)
            return {}
