"""`folkmoot chat`: one room at a terminal, or as lines of a script."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

import typer
from rich.console import Console

from folkmoot.cli.asking import Workspace, workspace_headers
from folkmoot.cli.chat_face import Face, LiveFace, PlainFace
from folkmoot.cli.chat_room import ChatRoom
from folkmoot.cli.chat_words import Talk
from folkmoot.cli.client import Client
from folkmoot.cli.connection import connect, connect_as
from folkmoot.cli.printing import AsJson
from folkmoot.cli.problems import COMPLETED, INTERRUPTED, BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.room_names import RoomName, find_room_id
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import word
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.supervisor import Supervisor

_KEY = re.compile(r"[!-~]{1,4096}")
_LEAVING_SECONDS = 2.0


class Wish(NamedTuple):
    """Which room, through what server, as whom, and how it is wanted."""

    room: str
    server: str | None
    key: Path | None
    workspace: str | None
    last: int
    is_patient: bool
    is_json: bool


def command(
    room: RoomName,
    as_: Annotated[
        Path | None,
        typer.Option("--as", help="A file with an API key: speak as its user, at a running server.", metavar="FILE"),
    ] = None,
    server: Annotated[
        str | None, typer.Option(help="The server's address.  [default: who holds the data here]", metavar="URL")
    ] = None,
    last: Annotated[int, typer.Option(min=0, max=1000, help="Show so many of the last messages first.")] = 20,
    patient: Annotated[
        bool, typer.Option("--patient", help="Say each line only once no agent is speaking: for scripts.")
    ] = False,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Talk with the people and agents of a room; /help in it says how.

    Where stdin is no terminal its lines are said, and at its end agents that are still speaking are waited for.
    """

    async def work(signals: Signals) -> int:
        return await _chat(signals, Wish(room, server, as_, workspace, last, patient, json))

    go(work, is_json=json)


async def _chat(signals: Signals, wish: Wish) -> int:
    headers = workspace_headers(wish.workspace)
    async with _connected(Screen(is_quiet=wish.is_json), signals, wish) as client:
        here = client.within(headers)
        room_id = await find_room_id(here, wish.room)
        face = _face(signals, wish)
        room = ChatRoom(here, room_id, face)
        talk = Talk(here, room, face, is_patient=wish.is_patient)
        with face.open(talk.words):
            face.note(_greeting(await room.enter(wish.last), room))
            try:
                return await _until_left(room, talk, face)
            finally:
                with suppress(Problem, TimeoutError):
                    async with asyncio.timeout(_LEAVING_SECONDS):
                        await room.mark_read()


@asynccontextmanager
async def _connected(screen: Screen, signals: Signals, wish: Wish) -> AsyncIterator[Client]:
    """By a key of one's own, or as every command; then what agents say is worked on here where no server does it."""
    key = None if wish.key is None else _read_key(wish.key)
    if wish.server is not None and not _is_address(wish.server):
        raise BadUsage(f"{word(wish.server)!r} is no server's address, such as http://127.0.0.1:8000")
    if key is None and wish.server is None:
        async with connect(screen, signals, works=True) as client:
            yield client
    else:
        async with connect_as(screen, key, wish.server) as client:
            yield client


def _face(signals: Signals, wish: Wish) -> Face:
    console = Console(markup=False, highlight=False, emoji=False)
    is_lively = sys.stdin.isatty() and console.is_terminal and not console.is_dumb_terminal and not wish.is_json
    return LiveFace(console, signals) if is_lively else PlainFace(is_json=wish.is_json)


async def _until_left(room: ChatRoom, talk: Talk, face: Face) -> int:
    """The exit code. Raises the Problem by which the room cannot be followed, or its lines not be said."""
    supervisor = Supervisor()
    talking = supervisor.start(_settled(talk.converse()), "what is typed")
    following = supervisor.start(_settled(room.follow()), "what happens in the room")
    cancelled = supervisor.start(face.cancelled.wait(), "Ctrl-C")
    try:
        await asyncio.wait({talking, following, cancelled}, return_when=asyncio.FIRST_COMPLETED)
        if not cancelled.done():
            problem = talking.result() if talking.done() else following.result()
            if problem is not None:
                raise problem
            return COMPLETED
        return INTERRUPTED
    finally:
        await supervisor.stop()


async def _settled(work: Awaitable[None]) -> Problem | None:
    """A problem as a result: it is told where the command ends."""
    try:
        await work
    except Problem as problem:
        return problem
    return None


def _greeting(room: JsonObject, known: ChatRoom) -> str:
    names = ", ".join(word(member.get("name")) for member in known.scene.members.values())
    return f"{word(room.get('name'))}: {names}; /help says what can be done"


def _read_key(path: Path) -> str:
    """Raises BadUsage."""
    try:
        key = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadUsage(f"{path} cannot be read: {error}") from None
    if not _KEY.fullmatch(key):
        raise BadUsage(f"{path} holds no API key")
    return key


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and parts.path in ("", "/")
        )
    except ValueError:
        return False
