"""Event streams end with their parts, their reader or a problem, and are never silent for long."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import pytest
from starlette.types import Message, Scope

from folkmoot.http import sse
from folkmoot.http.sse import EventStream, part
from folkmoot.kernel.errors import Unavailable
from folkmoot.kernel.supervisor import Supervisor

SCOPE: Scope = {"type": "http", "path": "/s", "headers": [], "state": {"path": "/s", "request_id": "r"}}


class Wire:
    """The other end: collects what is sent, and may leave."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.gone = asyncio.Event()
        self.news = asyncio.Condition()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        async with self.news:
            self.sent.append(message)
            self.news.notify_all()

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent).decode()

    async def until(self, text: str) -> None:
        async with asyncio.timeout(5), self.news:
            await self.news.wait_for(lambda: text in self.text)


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    opened = Supervisor()
    yield opened
    await opened.stop()


def test_part() -> None:
    assert part("delta", '{"a":1}') == b'event: delta\ndata: {"a":1}\n\n'
    assert part("progress", "{}", 7) == b"id: 7\nevent: progress\ndata: {}\n\n"


async def test_all_parts_then_the_end(supervisor: Supervisor) -> None:
    async def parts() -> AsyncGenerator[bytes, None]:
        yield part("a", "1")
        yield part("b", "2")

    wire = Wire()
    await EventStream(parts(), supervisor)(SCOPE, wire.receive, wire.send)
    assert wire.text == "event: a\ndata: 1\n\nevent: b\ndata: 2\n\n"
    assert wire.sent[-1]["more_body"] is False


async def test_a_reader_that_leaves_ends_the_parts(supervisor: Supervisor) -> None:
    is_closed = asyncio.Event()

    async def parts() -> AsyncGenerator[bytes, None]:
        try:
            yield part("a", "1")
            await asyncio.Event().wait()
        finally:
            is_closed.set()

    wire = Wire()
    stream = asyncio.create_task(EventStream(parts(), supervisor)(SCOPE, wire.receive, wire.send))
    await wire.until("event: a")
    wire.gone.set()
    await asyncio.wait_for(stream, 5)
    assert is_closed.is_set()


async def test_a_reader_who_may_no_longer_ends_the_parts(supervisor: Supervisor) -> None:
    is_over = asyncio.Event()

    async def parts() -> AsyncGenerator[bytes, None]:
        yield part("a", "1")
        is_over.set()
        await asyncio.Event().wait()

    async def until() -> None:
        await is_over.wait()

    wire = Wire()
    async with asyncio.timeout(5):
        await EventStream(parts(), supervisor, until)(SCOPE, wire.receive, wire.send)
    assert wire.text == part("a", "1").decode()
    assert wire.sent[-1]["more_body"] is False


async def test_a_problem_is_the_last_event(supervisor: Supervisor, caplog: pytest.LogCaptureFixture) -> None:
    async def parts() -> AsyncGenerator[bytes, None]:
        yield part("a", "1")
        raise Unavailable

    wire = Wire()
    await EventStream(parts(), supervisor)(SCOPE, wire.receive, wire.send)
    assert 'event: problem\ndata: {"type":"urn:folkmoot:problem:unavailable"' in wire.text
    assert wire.sent[-1]["more_body"] is False


async def test_heartbeat(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.01)

    async def parts() -> AsyncGenerator[bytes, None]:
        await asyncio.Event().wait()
        yield b""

    wire = Wire()
    stream = asyncio.create_task(EventStream(parts(), supervisor)(SCOPE, wire.receive, wire.send))
    await wire.until(": heartbeat\n\n: heartbeat\n\n")
    wire.gone.set()
    await asyncio.wait_for(stream, 5)
