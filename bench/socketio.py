"""Telling many over Socket.IO, beside the library's own floor: a bare server of it that keeps and numbers nothing."""

import argparse
import asyncio
import gc
import json
import socket
import subprocess
from dataclasses import asdict
from importlib import import_module

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from bench import crowd
from bench.crowd import Crowd, Heard, Subscriber
from bench.figures import Figure, middle, show
from bench.floor import Announced
from bench.processes import environment, module, process
from bench.publishing import asked, notes

SUBSCRIBERS = 200
ROUNDS = 3

_HEAD = crowd._HEAD.replace("/ws/events", "/socket.io/?EIO=4&transport=websocket")
_CONNECT = "40"
_SUBSCRIBE = '42["subscribe",{"channels":["workspace:%s"]}]'


class Client(Subscriber):
    """Connects, subscribes where it is told its workspace, and counts events."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        if self.opened.done():
            super().data_received(data)
            return
        assert self.transport is not None
        before, self._seen = self._seen, self._seen + data
        if b'"pingInterval"' in self._seen and b'"pingInterval"' not in before:
            self.transport.write(_framed(_CONNECT))
        if b'"workspace_id":"' in self._seen and b'"workspace_id":"' not in before:
            workspace_id = self._seen.split(b'"workspace_id":"')[1][:36].decode()
            self.transport.write(_framed(_SUBSCRIBE % workspace_id))
        if b'42["subscribed"' in self._seen:
            self._is_upgraded = True
            self._left -= 1
            self.opened.set_result(None)


def _framed(text: str) -> bytes:
    """A text frame of a client's, whose mask changes nothing."""
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text.encode()


def measure(scale: float) -> None:
    events = max(100, int(600 * scale) // 20 * 20)
    rates: dict[str, list[float]] = {"product": [], "floor": []}
    with process(module("bench.socketio", "floor")) as theirs, process(module("bench.publishing", "product")) as ours:
        for name, server in (("floor", theirs), ("product", ours)):
            _heard(Crowd(port=server.port, subscribers=SUBSCRIBERS, events=100))
            for _ in range(ROUNDS):
                busy = _heard(Crowd(port=server.port, subscribers=SUBSCRIBERS, events=events))
                rates[name].append(busy.deliveries / busy.seconds)
    show(
        f"fan-out over Socket.IO, {SUBSCRIBERS} subscribers",
        [
            Figure(
                name="deliveries",
                unit="per second",
                measured=middle(rates["product"]),
                floor=middle(rates["floor"]),
                is_least=True,
            )
        ],
    )


def _heard(wanted: Crowd) -> Heard:
    done = subprocess.run(
        module("bench.socketio", "crowd"),
        input=json.dumps(asdict(wanted)) + "\n",
        env=environment(),
        capture_output=True,
        check=True,
        text=True,
    )
    return Heard(**json.loads(done.stdout))


def floor() -> Starlette:
    library = import_module("socketio")
    server = library.AsyncServer(async_mode="asgi", async_handlers=False)

    async def welcome(id: str, environ: object, auth: object = None) -> None:
        server.start_background_task(server.emit, "subscribed", {}, to=id)

    async def publish(count: int, size: int) -> None:
        for note in notes(count, size):
            event = {"event_type": "resource_changed", "timestamp": "2026-11-21T11:43:39.311652Z", "seq": 1}
            data = {"resource": "note", "id": "n", "change": "updated", "view": note}
            await server.emit("event", {**event, "workspace": "0" * 36, "data": data})

    async def answer(request: Request) -> Response:
        return await asked(request, publish)

    server.on("connect", welcome)
    endpoint = library.ASGIApp(server)
    return Starlette(routes=[Route("/bench/publish", answer, methods=["POST"]), Mount("/", endpoint)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("crowd", "floor"))
    if parser.parse_args().what == "crowd":
        crowd._HEAD = _HEAD
        crowd.Subscriber = Client  # type: ignore[misc]
        crowd.main()
        return
    gc.freeze()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        how = {"loop": "uvloop", "http": "httptools", "ws": "websockets-sansio", "ws_per_message_deflate": False}
        config = uvicorn.Config(floor(), access_log=False, log_level="warning", **how)  # type: ignore[arg-type]
        Announced(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
