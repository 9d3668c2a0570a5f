"""The rooms that a client of Socket.IO follows by name: it counts as being there, and is told who else is."""

import asyncio
from collections.abc import Collection, Mapping

from folkmoot.realtime.closing import Close
from folkmoot.realtime.socketio_client import Client
from folkmoot.realtime.socketio_protocol import packet
from folkmoot.runs.stream import seen_by


class JoinedRooms:
    """Of one client, in the workspace that it has connected to."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._attendance = client.ground.company.attend(client.scope.actor.id, seen_by(client.ground.db, client.scope))
        self._names: dict[str, set[str]] = {}
        self._staying: dict[str, asyncio.Task[None]] = {}
        self._telling: asyncio.Task[None] | None = None

    def join(self, channels: Mapping[str, Collection[str]]) -> None:
        """Rooms by the names of the channels that are about them."""
        for name, rooms in channels.items():
            for room_id in rooms:
                self._names.setdefault(room_id, set()).add(name)
                if room_id not in self._staying:
                    self._staying[room_id] = self._client.start(self._stay(room_id))
        if self._staying and self._telling is None:
            self._telling = self._client.start(self._tell())

    def part(self, channels: Collection[str]) -> None:
        """These channels are followed no longer, and rooms that no other is about are left."""
        for room_id, names in tuple(self._names.items()):
            names.difference_update(channels)
            if not names:
                self._staying[room_id].cancel()
                self._leave(room_id)

    def type(self, room_id: str) -> None:
        """Not again and again."""
        if self._attendance.is_typing(room_id):
            self._client.ground.company.tell_typing(room_id, self._client.scope.actor.id)

    def _leave(self, room_id: str) -> set[str]:
        """Answers the channels that were about it."""
        self._attendance.leave(room_id)
        self._staying.pop(room_id, None)
        return self._names.pop(room_id, set())

    async def _stay(self, room_id: str) -> None:
        """As long as the caller is in the room; then he is told that he is out, and of it nothing more."""
        client = self._client
        self._attendance.sit(room_id)
        try:
            async with client.ground.stays.stay(client.caller, client.scope, room_id) as stay:
                await stay.ended()
        finally:
            self._attendance.leave(room_id)
        if stay.end is not None and stay.end.is_of_room:
            wants = client.line(client.scope).wants
            for name in self._leave(room_id):
                wants.pop(name, None)
            reason = Close.of_stay(stay.end).reason
            await client.session.emit("error", {"error": f"{reason[:1].upper()}{reason[1:]}", "room_id": room_id})

    async def _tell(self) -> None:
        session, packets = self._client.session, self._client.ground.packets
        while True:
            await session.ready()
            for name, text in await self._attendance.next():
                await session.put(packets(packet(name, text)))
