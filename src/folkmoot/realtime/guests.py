"""A stream's part in the rooms that it follows by name: its reader is there. A WebSocket hears who is, and may type."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing, suppress

from starlette.websockets import WebSocketDisconnect

from folkmoot.kernel.errors import Forbidden, NotFound
from folkmoot.kernel.json import dumps, loads
from folkmoot.kernel.scope import Role
from folkmoot.realtime.closing import Close
from folkmoot.realtime.deps import Visit
from folkmoot.realtime.streams import Batch
from folkmoot.realtime.websocket import Connection
from folkmoot.runs.stream import seen_by
from folkmoot.workspaces.stay import End


class Reader:
    """Of one stream of server-sent events, which is told nothing of who else is there."""

    def __init__(self, visit: Visit, rooms: Collection[str]) -> None:
        self._rooms = {*rooms}
        self._attendance = visit.company.attend(visit.here.actor.id, seen_by(visit.process.db, visit.here))

    async def attend(self, batches: AsyncGenerator[Batch, None]) -> AsyncGenerator[Batch, None]:
        """The same; as long as they are read, their reader is there."""
        for room_id in sorted(self._rooms):
            self._attendance.sit(room_id)
        try:
            async with aclosing(batches):
                async for batch in batches:
                    yield batch
        finally:
            self._attendance.leave_all()

    async def lose(self, room_id: str, _end: End) -> None:
        """The caller is out of the room, and the stream goes on without it."""
        self._rooms.discard(room_id)
        self._attendance.leave(room_id)


class Guest:
    """Of one socket. What it says that is not understood, or that its caller may not say, is ignored."""

    def __init__(self, visit: Visit, socket: Connection, rooms: Collection[str]) -> None:
        self._visit = visit
        self._socket = socket
        self._rooms = {*rooms}
        self._attendance = visit.company.attend(visit.here.actor.id, seen_by(visit.process.db, visit.here))
        self._typed: set[str] = set()
        self._has_typed = asyncio.Event()
        socket.heard = self._hear

    async def attend(self) -> None:
        """Be there, and hear who else is and who is typing."""
        for room_id in sorted(self._rooms):
            self._attendance.sit(room_id)
        try:
            await self._socket.has_begun.wait()
            while True:
                await self._socket.send([text for _, text in await self._attendance.next()])
        finally:
            self._attendance.leave_all()

    async def lose(self, room_id: str, end: End) -> None:
        """The caller is out of the room, and the socket goes on without it."""
        self._rooms.discard(room_id)
        self._attendance.leave(room_id)
        lost = {"type": "unsubscribed", "channel": f"room:{room_id}", "reason": Close.of_stay(end).reason}
        with suppress(WebSocketDisconnect):
            await self._socket.send([dumps(lost)])

    def _hear(self, text: str) -> None:
        room_id = typed_in(text, self._rooms)
        if room_id is not None and self._attendance.is_typing(room_id):
            self._typed.add(room_id)
            self._has_typed.set()

    async def pass_on(self) -> None:
        """That the caller is typing, as long as he may speak here; whether in the room too, is seen where it is shown.

        Raises what the database raises.
        """
        visit = self._visit
        while True:
            await self._has_typed.wait()
            self._has_typed.clear()
            typed, self._typed = self._typed, set()
            with suppress(Forbidden, NotFound):
                standing = await visit.lookup.stand(visit.caller, ("id", visit.here.workspace_id))
                standing.require(Role.MEMBER)
                for room_id in typed:
                    visit.company.tell_typing(room_id, visit.here.actor.id)


def typed_in(text: str, rooms: Collection[str]) -> str | None:
    """In which of these rooms a message says that its sender is typing; one that names none means the only one."""
    try:
        said = loads(text)
    except ValueError:
        return None
    match said:
        case {"type": "typing", "room_id": str() as named}:
            return named.lower() if named.lower() in rooms else None
        case {"type": "typing"} if len(rooms) == 1:
            return next(iter(rooms))
        case _:
            return None
