"""A room at real servers: what is said in it by people and agents, and clients of it that are cut off and come back."""

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import import_module
from typing import Any

import aiohttp
from aiohttp import web

from folkmoot.kernel.json import Json, JsonObject
from tests.stubs.openai_stub import OpenAIStub, Reply
from tests.system.followers import PAUSE_SECONDS, Follower
from tests.system.jobs import Door

NAMES = ("Ada", "Bea", "Cyn", "Dov")
MODEL = "openai:stub-1"
PAGE = 200
_SPEAKER = re.compile(r"You are (\w+) \(@\w+\) and speak in the room (\w+)")

Line = tuple[int, str, str]
"""The seq of a message, whose it is, and its text."""


def talk(body: JsonObject) -> Reply:
    """Answers that are made of nothing but what was asked.

    In rooms whose names begin with Calling agents often call upon others; in those that begin with Pair, always.
    """
    asked = json.dumps(body["messages"], sort_keys=True)
    mark = sha256(asked.encode()).hexdigest()
    if body.get("response_format") is not None:
        return Reply(text=json.dumps({"publish": int(mark[0], 16) < 10, "reason": f"For {mark[:4]}."}))
    found = _SPEAKER.search(asked)
    if found is None:
        return Reply(text=f"What was said: {mark[:12]}.")
    name, room = found[1], found[2]
    number, call = int(mark[:8], 16), ""
    if room.startswith("Calling") and number % 3 == 0:
        call = f" What do you say, @{NAMES[number % len(NAMES)].lower()}?"
    if room.startswith("Pair"):
        call = f" Your turn, @{'bea' if name == 'Ada' else 'ada'}."
    return Reply(text=f"{name} says {mark[:12]}.{call}")


class Talkers(OpenAIStub):
    """`asked` counts the calls; one of them can be left without its answer."""

    def __init__(self, delay_ms: float = 0) -> None:
        super().__init__(talk, delay_ms=delay_ms, keep_calls=False)
        self.asked = 0
        self._held = 0
        self._reached, self._goes_on = asyncio.Event(), asyncio.Event()

    def hold(self, calls: int) -> None:
        """The call that comes after so many more, from 1, and those that follow it."""
        self._held = self.asked + calls
        self._reached.clear()
        self._goes_on.clear()

    async def reached(self) -> None:
        await self._reached.wait()

    def go_on(self) -> None:
        self._held = 0
        self._goes_on.set()

    async def answer(self, request: web.Request, body: JsonObject, *, is_streamed: bool) -> web.StreamResponse:
        self.asked += 1
        if 0 < self._held <= self.asked:
            self._reached.set()
            await self._goes_on.wait()
        return await super().answer(request, body, is_streamed=is_streamed)


class Parlour:
    """Calls of a person at a server that may be down for a while."""

    def __init__(self, api: Door) -> None:
        self._api = api

    async def get(self, path: str) -> JsonObject:
        while (found := await self._api.get(path)) is None:  # noqa: ASYNC110 a server that starts
            await asyncio.sleep(PAUSE_SECONDS)
        assert "code" not in found, found
        return found

    async def make(self, path: str, body: JsonObject) -> JsonObject:
        made = await self._api.post(path, body)
        assert made is not None, path
        assert "code" not in made, made
        return made

    async def hire(self) -> dict[str, str]:
        """An agent of each name, in this order; their ids."""
        return {
            name: str((await self.make("/api/agents", {"definition_slug": "assistant", "name": name}))["id"])
            for name in NAMES
        }

    async def open(self, name: str, members: Mapping[str, JsonObject], **given: Json) -> str:
        """A room of this name with agents by their slugs."""
        room = await self.make("/api/rooms", {"name": name, **given})
        for slug, how in members.items():
            await self.make(f"/api/rooms/{room['id']}/members", {"agent_id": slug, **how})
        return str(room["id"])

    async def say(self, room_id: str, text: str) -> None:
        """Once, also where the answer was lost: no other message of the room has that text."""
        while (stored := await self._api.post(f"/api/rooms/{room_id}/messages", {"content": text})) is None:
            if any(said == text for _, _, said in await self.said(room_id)):
                return
        assert stored["content"] == text, stored

    async def quiet(self, room_id: str) -> None:
        """Until nobody speaks: one run ends in the unit that begins the next."""
        while (run_id := (await self.get(f"/api/rooms/{room_id}"))["speaking_run_id"]) is not None:
            await self._api.get(f"/api/runs/{run_id}/wait?timeout=20")

    async def messages(self, room_id: str) -> list[JsonObject]:
        return await self._all(f"/api/rooms/{room_id}/messages?limit={PAGE}&after_seq=", "messages")

    async def said(self, room_id: str) -> list[Line]:
        return [
            (int(str(one["seq"])), str(one["sender_id"]), str(one["content"])) for one in await self.messages(room_id)
        ]

    async def events(self, room_id: str) -> list[tuple[int, str]]:
        """Seq and type of all that was told on the room's channel."""
        found = await self._all(f"/api/events?channels=room:{room_id}&limit={PAGE}&after=", "events")
        return [(int(str(one["seq"])), str(one["event_type"])) for one in found]

    async def _all(self, path: str, name: str) -> list[JsonObject]:
        found: list[JsonObject] = []
        after: Json = 0
        while after is not None:
            page = await self.get(f"{path}{after}")
            rows = page[name]
            assert isinstance(rows, list)
            found += [row for row in rows if isinstance(row, dict)]
            after = page["next"] if rows else None
        return found


@dataclass(eq=False)
class Guest(Follower):
    """Follows one room. `heard` are the messages of its events, `voices` their seqs as Socket.IO tells them besides.

    `jumps` are frames that were not newer than the one before them on the same connection.
    """

    room_id: str = ""
    heard: list[JsonObject] = field(default_factory=list)
    voices: list[int] = field(default_factory=list)

    @property
    def channel(self) -> str:
        return f"room:{self.room_id}"

    def take_event(self, seq: int, kind: str, data: JsonObject) -> None:
        if seq <= self._at:
            self.jumps.append((self._at, seq))
        self._at = seq
        if seq <= self.last:
            return
        self.held.append((seq, kind))
        if kind == "room_message":
            message = data["message"]
            assert isinstance(message, dict)
            self.heard.append(message)
        self._moved.set()

    def take_voice(self, said: JsonObject) -> None:
        message = said["message"]
        assert isinstance(message, dict)
        seq = int(str(message["seq"]))
        if not self.voices or seq > self.voices[-1]:
            self.voices.append(seq)


async def by_joining(follower: Follower, address: str) -> None:
    """The official client of Socket.IO joins the room, and says where it was whenever it comes back."""
    assert isinstance(follower, Guest)
    async with aiohttp.ClientSession() as http:
        library = import_module("socketio")
        client: Any = library.AsyncClient(
            http_session=http, reconnection_delay=PAUSE_SECONDS, reconnection_delay_max=10 * PAUSE_SECONDS
        )

        async def join() -> None:
            with suppress(library.exceptions.SocketIOError):  # gone again
                await client.emit("join_room", {"room_id": follower.room_id, "after": follower.last})

        client.on("connect", join)
        client.on("subscribed", follower.take)
        client.on("event", follower.take)
        client.on("room_message", follower.take_voice)
        try:
            await client.connect(address, transports=["websocket"], retry=True)
            await asyncio.Event().wait()
        finally:
            await client.shutdown()
