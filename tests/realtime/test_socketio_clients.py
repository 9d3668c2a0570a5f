"""Socket.IO with real processes: the official JavaScript client against a real server, and clients that fall silent."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest

from folkmoot.kernel.json import JsonObject, loads
from tests.system.server import Server, server

pytestmark = pytest.mark.system

CLIENT = "socket.io-client@4.8.4"
SILENT, EVENTS = 20, 300
MOST_BYTES = 100_000_000

# As it is in the source document, but for the port and the agent's number; then the process ends.
EXAMPLE = """
import io from 'socket.io-client';

const socket = io('http://localhost:%(port)s'%(options)s);

// Send message
socket.emit('send_message', {
  agent_id: %(number)s,
  message: 'Hello, can you help me?'
});

// Receive response
socket.on('agent_response', (data) => {
  console.log(`Agent ${data.agent_name}: ${data.message}`);
});

// Monitor status
socket.on('agent_status', (data) => {
  console.log(`Agent ${data.agent_id} is ${data.status}`);
});

socket.on('agent_status', (data) => data.status === 'idle' && setTimeout(() => socket.disconnect(), 100));
"""

# Listens, says so, and tells all it hears as JSON.
LISTENER = """
import io from 'socket.io-client';

const socket = io('http://localhost:%(port)s'%(options)s);
const tell = (name, data) => console.log(JSON.stringify([name, data, socket.io.engine.transport.name]));
socket.onAny(tell);
socket.on('agent_status', (data) => data.status === 'idle' && setTimeout(() => socket.disconnect(), 100));
socket.on('connection_response', () => {
  socket.emit('agent_status_request', {agent_id: 99}, (answer) => tell('answer', answer));
});
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Node's in which the official client can be imported."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("needs node and npm")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    installed = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", CLIENT], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert installed.returncode == 0, installed.stderr
    return folder


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Server]:
    async with server(tmp_path, DEFAULT_MODEL="practice") as started:
        yield started


class Node:
    """A script of Node's that runs."""

    def __init__(self, folder: Path, name: str, script: str) -> None:
        self._path = folder / f"{name}.mjs"
        self._path.write_text(script)
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            "node",
            str(self._path),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self._path.parent,
        )

    async def line(self) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), 20)).decode().rstrip()

    async def rest(self) -> list[str]:
        """Until it ends, which it must do well."""
        assert self.process is not None
        said, _ = await asyncio.wait_for(self.process.communicate(), 20)
        assert self.process.returncode == 0, said.decode()
        return said.decode().splitlines()


class Heard:
    """A line of the listener's."""

    def __init__(self, line: str) -> None:
        told = loads(line)
        assert isinstance(told, list)
        self.name, self.transport = str(told[0]), str(told[2])
        data = told[1]
        assert isinstance(data, dict)
        self.data = data


async def hire(address: str) -> JsonObject:
    body = {"definition_slug": "assistant", "name": "Ada", "config": {}}
    async with aiohttp.ClientSession() as session, session.post(f"{address}/api/agents", json=body) as answer:
        assert answer.status == 201
        made: JsonObject = await answer.json()
        return made


OPTIONS = ["", ", {transports: ['websocket']}", ", {transports: ['polling']}"]


@pytest.mark.parametrize("options", OPTIONS, ids=["default", "websocket", "polling"])
async def test_the_example_of_the_source_document(serving: Server, library: Path, options: str) -> None:
    ada = await hire(serving.address)
    values = {"port": serving.address.rsplit(":", 1)[1], "number": ada["number"], "options": options}
    other = Node(library, f"listener{len(options)}", LISTENER % values)
    await other.start()
    lines = [await other.line(), await other.line(), await other.line()]
    example = Node(library, f"example{len(options)}", EXAMPLE % values)
    await example.start()
    said = await example.rest()
    assert said[0] == "Agent 4 is busy"
    assert said[1].startswith("Agent Ada: ")
    assert "Hello, can you help me?" in said[1]
    assert said[-1] == "Agent 4 is idle"
    heard = [Heard(line) for line in (*lines, *await other.rest())]
    assert heard[0].name == "connection_response"
    assert sorted(told.name for told in heard[1:3]) == ["answer", "error"]
    assert [told.name for told in heard[3:]] == ["agent_status", "agent_response", "agent_status"]
    [answer] = [told.data for told in heard if told.name == "answer"]
    assert answer == {"ok": False, "error": "Agent not found", "code": "no_such_agent"}
    statuses = [told.data for told in heard if told.name == "agent_status"]
    assert [(data["agent_id"], data["status"]) for data in statuses] == [(4, "busy"), (4, "idle")]
    assert heard[-1].transport == ("polling" if "polling" in options else "websocket")


@pytest.mark.parametrize("size", [64_000, 15_000], ids=["cut", "whole"])
async def test_clients_that_fall_silent_cost_little(serving: Server, size: int) -> None:
    """What is longer than 16 KB is cut in the log, so the shorter ones are more."""
    ada = await hire(serving.address)
    host, port = serving.address.removeprefix("http://").split(":")
    with ExitStack() as stack:
        for _ in range(SILENT):
            await quiet(stack.enter_context(socket.socket()), host, int(port))
        before = memory_of(serving)
        seqs = await publish(serving, ada, size)
        grown = memory_of(serving) - before
    assert seqs == sorted(set(seqs))
    assert len(seqs) > EVENTS
    assert grown < MOST_BYTES


async def publish(serving: Server, ada: JsonObject, size: int) -> list[int]:
    """What one who reads hears, while the others do not."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{serving.address}/socket.io/?EIO=4&transport=websocket", max_msg_size=0) as reader,
    ):
        reading = asyncio.create_task(read_all(reader))
        for text in (*["x" * size] * EVENTS, "the last"):
            body: JsonObject = {"direction": "inbound", "payload": {"text": text}}
            async with session.post(f"{serving.address}/api/agents/{ada['id']}/messages", json=body) as answer:
                assert answer.status == 201, await answer.text()
        return await asyncio.wait_for(reading, 30)


async def quiet(client: socket.socket, host: str, port: int) -> None:
    """Subscribes to everything, and reads nothing after that."""
    loop = asyncio.get_running_loop()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    await loop.sock_connect(client, (host, port))
    head = (
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await loop.sock_sendall(client, head.encode())
    await seen(client, b"pingInterval")
    await loop.sock_sendall(client, framed("40") + framed('42["subscribe",{"channels":["agents"],"after":0}]'))
    await seen(client, b"subscribed")


async def seen(client: socket.socket, wanted: bytes) -> None:
    got = b""
    while wanted not in got:
        more = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 4096), 10)
        assert more, got
        got += more


def framed(text: str) -> bytes:
    """A text frame of a client's, whose mask changes nothing."""
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text.encode()


async def read_all(reader: aiohttp.ClientWebSocketResponse) -> list[int]:
    """The seqs of the events up to the last message."""
    seqs: list[int] = []
    async for message in reader:
        text = str(message.data)
        if text.startswith("0"):
            await reader.send_str("40")
            await reader.send_str('42["subscribe",{"channels":["agents"],"after":0}]')
        elif text == "2":
            await reader.send_str("3")
        elif text.startswith('42["event"'):
            frame = loads(text[2:])
            assert isinstance(frame, list)
            assert isinstance(frame[1], dict)
            assert isinstance(frame[1]["seq"], int)
            seqs.append(frame[1]["seq"])
            if '"the last"' in text:
                return seqs
    return seqs


def memory_of(serving: Server) -> int:
    """Resident bytes."""
    assert serving._process is not None
    status = Path(f"/proc/{serving._process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024
