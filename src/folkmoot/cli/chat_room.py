"""A room as it is followed and spoken in: every message once and in order, whatever becomes of the connection."""

import asyncio
from contextlib import aclosing

from folkmoot.cli.chat_face import Face
from folkmoot.cli.chat_link import Link, listen
from folkmoot.cli.chat_scene import Scene
from folkmoot.cli.client import Client
from folkmoot.cli.papers import Paper
from folkmoot.cli.problems import ConnectionLost, Refused, is_passing
from folkmoot.cli.room_files import attach
from folkmoot.cli.room_names import room_path
from folkmoot.cli.text import number, objects, status_of, word
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import LARGEST_INTEGER, JsonObject
from folkmoot.kernel.supervisor import Supervisor

_PAGE = 200
"""No event's number is higher."""


class ChatRoom:
    """One room for one terminal."""

    def __init__(self, client: Client, room_id: str, face: Face) -> None:
        self.path = room_path(room_id)
        self.scene = Scene(face)
        self._channel = f"room:{room_id}"
        self._client, self._face, self._link = client, face, Link(face)
        self._supervisor = Supervisor()
        self._listened: str | None = None
        self._cursor = 0
        self._moved = asyncio.Event()

    async def enter(self, last: int) -> JsonObject:
        """Show the last messages, and how the room is; `follow` goes on from here. Raises Refused, ConnectionLost."""
        page = await self._client.get("/api/events", channels=self._channel, after=LARGEST_INTEGER, limit=1)
        self._cursor = number(page.get("latest"))
        await self.meet()
        room = await self._client.get(self.path)
        self.scene.shown = max(0, number(room.get("last_seq")) - last)
        await self._renew()
        await self.mark_read()
        return room

    async def follow(self) -> None:
        """Show what happens, until this is cancelled. Raises Refused where the room may be followed no longer."""
        tries = 0
        try:
            while True:
                before = self._cursor
                try:
                    await self._hear()
                except (ConnectionLost, Refused) as problem:
                    if not is_passing(problem):
                        raise
                self._link.lose()
                tries = tries + 1 if self._cursor == before else 0
                await self._link.pause(tries)
        finally:
            await self._supervisor.stop()

    async def say(self, text: str, *attached: str) -> None:
        """Once, also where the answer is lost on its way; with what has these ids. Raises Refused, ServerAway."""
        key = new_id()
        message: JsonObject = {"content": text, "attachments": [*attached]}
        await self._link.patiently(lambda: self._client.post(f"{self.path}/messages", message, key))

    async def attach(self, paper: Paper) -> str:
        """The id of the file as the room has it, of which nothing is said yet. Raises BadUsage, Refused, ServerAway."""
        return word((await self._link.patiently(lambda: attach(self._client, self.path, paper))).get("id"))

    async def until_quiet(self) -> None:
        """Until all that was said is shown, and nobody speaks or is about to; who waits for a person does not speak.

        Raises Refused, ServerAway.
        """
        while True:
            self._moved.clear()
            room = await self._link.patiently(lambda: self._client.get(self.path))
            if number(room.get("last_seq")) <= self.scene.shown:
                run_id = room.get("speaking_run_id")
                if run_id is None or await self._stands(str(run_id)):
                    return
            await self._moved.wait()

    async def meet(self) -> list[JsonObject]:
        """Who is in the room."""
        found = [member async for member in self._client.pages(f"{self.path}/members", "members")]
        self.scene.meet(found)
        return found

    async def mark_read(self) -> None:
        await self._client.post(f"{self.path}/read", {"seq": self.scene.shown})

    async def _hear(self) -> None:
        """One connection's worth of what happens."""
        path = f"/api/events/stream?channels={self._channel}"
        async with aclosing(self._client.stream(path, str(self._cursor))) as frames:
            async for frame in frames:
                self._link.hold()
                seq = number(frame.data.get("seq"))
                if seq > self._cursor:
                    self._cursor = seq
                    if not self.scene.take(frame.data):
                        await self._renew()
                elif frame.data.get("reset"):
                    self._cursor = number(frame.data.get("after"))
                    await self._renew()
                self._listen()
                self._moved.set()

    async def _renew(self) -> None:
        """What events do not tell, because they are kept no longer or were too long to be."""
        while True:
            page = await self._client.get(f"{self.path}/messages", after_seq=self.scene.shown, limit=_PAGE)
            for message in objects(page.get("messages")):
                self.scene.show(message)
            if page.get("next") is None:
                break
        self.scene.turn(await self._client.get(self.path))
        self._listen()
        if self.scene.speaking is not None:  # in a room only the run that speaks asks
            page = await self._client.get("/api/approvals", status="pending", run_id=self.scene.speaking)
            for approval in objects(page.get("approvals")):
                self.scene.ask(approval)

    def _listen(self) -> None:
        """To whoever speaks now."""
        if self.scene.speaking == self._listened:
            return
        self._supervisor.cancel()
        self._listened = self.scene.speaking
        if self._listened is not None and self._face.is_lively:
            listening = listen(self._client, self._face, self._listened, self.scene.speaker)
            self._supervisor.start(listening, "what an agent is saying")

    async def _stands(self, run_id: str) -> bool:
        """Whether a run goes on only when somebody says so, and what it asks was shown."""
        run = await self._link.patiently(lambda: self._client.get(f"/api/runs/{run_id}"))
        return status_of(run) == "paused" or (status_of(run) == "awaiting_approval" and bool(self.scene.asked))
