"""Sockets of a started application, as a client opens them."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from fastapi import FastAPI
from httpx2 import AsyncClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.json import JsonObject, loads
from folkmoot.kernel.scope import Scope


@dataclass(frozen=True)
class Wire:
    """An application on a real port, and a workspace in it."""

    app: FastAPI
    client: AsyncClient
    place: str
    scope: Scope

    def open(self, path: str, scope: Scope | None = None, credential: dict[str, str] | None = None) -> connect:
        named = {"X-Workspace-Id": (scope or self.scope).workspace_id, **(credential or {})}
        return connect(f"ws://{self.place}/ws/{path}", additional_headers=named, max_queue=None)

    async def say(self, *numbers: int, scope: Scope | None = None, **about: str) -> None:
        """Each a note in the workspace's log."""
        await self.app.state.runtime.db.write(say, scope or self.scope, numbers, about)

    async def post(self, path: str, body: JsonObject) -> JsonObject:
        answer = await self.client.post(path, json=body)
        assert answer.is_success, answer.text
        found: JsonObject = answer.json()
        return found


def say(tx: Tx, scope: Scope, numbers: tuple[int, ...], about: dict[str, str]) -> None:
    for number in numbers:
        change = ResourceChanged(resource="note", id=str(number), change="updated", view=None)
        tx.emit(scope.workspace_id, change, **about)


async def receive(socket: ClientConnection) -> JsonObject:
    found = loads(await asyncio.wait_for(socket.recv(), 10))
    assert isinstance(found, dict)
    return found


async def receive_all(socket: ClientConnection, number: int) -> list[JsonObject]:
    return [await receive(socket) for _ in range(number)]


def note_of(frame: JsonObject) -> int:
    """The number of a note."""
    data = frame["data"]
    assert isinstance(data, dict)
    return int(str(data["id"]))


async def ended(socket: ClientConnection) -> tuple[int | None, str | None]:
    """Code and reason, once the server has closed it; frames before that are let go."""
    async with asyncio.timeout(10):
        with suppress(ConnectionClosed):
            async for _ in socket:
                continue
        await socket.wait_closed()
    return socket.close_code, socket.close_reason
