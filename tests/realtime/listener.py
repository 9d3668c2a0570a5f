"""The official Python client of Socket.IO, as tests use it: everything it hears is kept in order."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any
from warnings import catch_warnings, simplefilter

import pytest
from aiohttp import ClientSession
from httpx2 import AsyncClient

from folkmoot.kernel.json import Json, JsonObject

WEBSOCKET, POLLING = ("websocket",), ("polling",)
BOTH = [WEBSOCKET, POLLING]

ConnectionRefused: type[Exception] = import_module("socketio").exceptions.ConnectionError

Heard = tuple[str, JsonObject]


LEFT_OPEN = pytest.mark.filterwarnings("ignore:Unclosed:ResourceWarning")
"""The library leaves polls, and sessions it opens for them when it is ended, to the collector."""


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """What is left is not found in somebody else's test."""
    yield
    with catch_warnings():
        simplefilter("ignore", ResourceWarning)
        gc.collect()


class Listener:
    """One client; `heard` are names and payloads."""

    def __init__(self) -> None:
        self.session = ClientSession()
        self.client: Any = import_module("socketio").AsyncClient(reconnection=False, http_session=self.session)
        self.heard: list[Heard] = []
        self.gone = asyncio.Event()
        self.refusal: Json = None
        self._news = asyncio.Event()
        self.client.on("*", self._hear)
        self.client.on("disconnect", lambda *_: self.gone.set())
        self.client.on("connect_error", self._refused)

    def _hear(self, name: str, payload: JsonObject) -> None:
        self.heard.append((name, payload))
        self._news.set()

    def _refused(self, why: Json) -> None:
        self.refusal = why

    async def close(self) -> None:
        await self.client.shutdown()
        await self.session.close()

    async def ask(self, name: str, payload: Json = None) -> JsonObject:
        """What the acknowledgement says."""
        answer: JsonObject = await self.client.call(name, payload, timeout=15)
        return answer

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not is_so():
                self._news.clear()
                await self._news.wait()

    async def hears(self, name: str, count: int = 1) -> list[JsonObject]:
        """The first of this name, waited for."""
        await self.until(lambda: len(self.all(name)) >= count)
        return self.all(name)[:count]

    def all(self, *names: str) -> list[JsonObject]:
        return [payload for name, payload in self.heard if name in names]

    def seqs(self) -> list[Json]:
        """Of the frames it was sent."""
        return [frame["seq"] for frame in self.all("event")]


@asynccontextmanager
async def listening_to(
    place: str,
    transports: Sequence[str] = WEBSOCKET,
    *,
    headers: dict[str, str] | None = None,
    auth: JsonObject | None = None,
    query: str = "",
) -> AsyncIterator[Listener]:
    """Connected; raises ConnectionRefused."""
    listener = Listener()
    try:
        await listener.client.connect(
            f"http://{place}{query}", headers=headers or {}, auth=auth, transports=[*transports]
        )
        await listener.hears("connection_response")
        yield listener
    finally:
        await listener.close()


async def hire(client: AsyncClient, name: str = "Ada") -> JsonObject:
    """A new agent, which the practice model speaks for."""
    answer = await client.post("/api/agents", json={"definition_slug": "assistant", "name": name, "config": {}})
    assert answer.status_code == 201, answer.text
    made: JsonObject = answer.json()
    return made
