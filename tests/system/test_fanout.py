"""Twenty subscribers that take nothing while much is published: the server stays small, others are told at once.

The server is a process of its own, so that its memory is its own.
"""

import asyncio
import re
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from folkmoot.kernel.json import JsonObject, loads
from tests.system.server import server

SILENT, READING = 20, 5
PUBLISHED = 300
CUT_BYTES, WHOLE_BYTES = 64_000, 15_000
"""An event holds 16 KB: of what is larger it tells a part."""
MOST_MB = 100
P99_SECONDS = 2.0


async def read(socket: ClientConnection, last: str) -> list[JsonObject]:
    """Everything up to the message with this id; each with the time it came at."""
    found: list[JsonObject] = []
    async for text in socket:
        frame = loads(text)
        assert isinstance(frame, dict)
        found.append({**frame, "came_at": time.monotonic()})
        if last in str(text):
            break
    return found


def resident_mb(pid: int) -> float:
    [kb] = re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kb) / 1024


def seqs(frames: list[JsonObject]) -> list[int]:
    return [seq for frame in frames if isinstance(seq := frame.get("seq"), int)]


async def test_who_takes_nothing_costs_nothing(tmp_path: Path) -> None:
    async with server(tmp_path, DEFAULT_MODEL="practice", LOG_LEVEL="WARNING") as started, AsyncExitStack() as stack:
        address = f"ws{started.address.removeprefix('http')}/ws/events?after=0"
        http = await stack.enter_async_context(aiohttp.ClientSession(started.address))
        async with http.post("/api/agents", json={"definition_slug": "assistant"}) as answer:
            agent = (await answer.json())["id"]
        silent = [await stack.enter_async_context(connect(address, max_queue=1)) for _ in range(SILENT)]
        for socket in silent:
            await socket.recv()
            socket.transport.pause_reading()
        reading = [await stack.enter_async_context(connect(address, max_queue=None)) for _ in range(READING)]
        before = resident_mb(started.pid)
        posted: dict[str, float] = {}

        async def post(payload: JsonObject) -> None:
            at = time.monotonic()
            body = {"direction": "inbound", "payload": payload}
            async with http.post(f"/api/agents/{agent}/messages", json=body) as answer:
                assert answer.status == 201, await answer.text()
                posted[(await answer.json())["id"]] = at

        async def publish() -> None:
            for number in range(PUBLISHED):
                await post({"number": number, "text": "x" * CUT_BYTES})
                if number % 3 == 0:
                    await post({"number": number, "text": "x" * WHOLE_BYTES})
            await post({"text": "END"})

        reads = [asyncio.ensure_future(read(socket, '"END"')) for socket in reading]
        async with asyncio.timeout(200):
            await publish()
            found = [await task for task in reads]
        grown = resident_mb(started.pid) - before
        assert grown <= MOST_MB, f"{grown:.0f} MB more"
        for frames in found:
            assert seqs(frames) == [*range(1, len(seqs(frames)) + 1)]
        late = sorted(lateness(found[0], posted))
        assert len(late) == PUBLISHED + PUBLISHED // 3 + 1
        assert late[int(len(late) * 0.99)] < P99_SECONDS
        last = seqs(found[0])[-1]
        for socket in silent[:3]:
            assert await all_of(socket, address, last) == [*range(1, last + 1)]


def lateness(frames: list[JsonObject], posted: dict[str, float]) -> list[float]:
    """Seconds from the call to the frame that tells of its message."""
    found = []
    for frame in frames:
        if frame.get("event_type") == "agent_message":
            data, came_at = frame["data"], frame["came_at"]
            assert isinstance(data, dict)
            message = data["message"]
            assert isinstance(message, dict)
            assert isinstance(came_at, float)
            if message["id"] in posted:
                found.append(came_at - posted[str(message["id"])])
    return found


async def all_of(socket: ClientConnection, address: str, last: int) -> list[int]:
    """What a client that wakes up is told, also where it was cut off meanwhile: it comes back with its cursor."""
    socket.transport.resume_reading()
    found: list[int] = []
    async with asyncio.timeout(30):
        with suppress(ConnectionClosed):
            while not found or found[-1] < last:
                found += seqs([loads(await socket.recv())])  # type: ignore[list-item]
        if not found or found[-1] < last:
            async with connect(address.replace("after=0", f"after={found[-1] if found else 0}")) as again:
                while not found or found[-1] < last:
                    found += seqs([loads(await again.recv())])  # type: ignore[list-item]
    return found
