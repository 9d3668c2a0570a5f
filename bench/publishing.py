"""Servers that publish on demand: the product with its durable log, and the floor, a plain loop over WebSockets."""

import argparse
import asyncio
import gc
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import uvicorn
import uvloop
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.floor import Announced
from folkmoot.app import create_app
from folkmoot.cli.listener import bind, serving
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.garbage import collect_rarely
from folkmoot.kernel.settings import Settings

FRAME_BYTES = 250
_UNIT = 20
_ENVELOPE = 215
"""Of a frame without its padding."""

Publish = Callable[[int, int], Awaitable[None]]


async def publish_all(publish: Publish, events: int, per_second: float, size: int) -> None:
    """In units of twenty as fast as it goes, or each by itself at a rate."""
    if not per_second:
        for _ in range(0, events, _UNIT):
            await publish(_UNIT, size)
        return
    began = time.perf_counter()
    for number in range(events):
        await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
        await publish(1, size)


async def asked(request: Request, publish: Publish) -> Response:
    given = request.query_params
    await publish_all(publish, int(given["events"]), float(given["per_second"]), int(given["size"]))
    return Response()


def notes(count: int, size: int) -> list[dict[str, object]]:
    return [{"at": time.perf_counter(), "text": "x" * max(0, size - _ENVELOPE)} for _ in range(count)]


async def product(folder: Path) -> None:
    settings = Settings(_env_file=None, data_dir=folder, default_model="practice", log_level="WARNING")
    app = create_app(settings, works=False, is_private=True)

    async def publish(count: int, size: int) -> None:
        scope = await app.state.workspaces.find()
        await app.state.runtime.db.write(_emit, scope.workspace_id, count, size)

    async def answer(request: Request) -> Response:
        return await asked(request, publish)

    app.router.routes.append(Route("/bench/publish", answer, methods=["POST"]))
    place = bind("127.0.0.1", 0)
    async with serving(app, app.router.lifespan_context(app), place) as task:
        collect_rarely()
        print(f"http://127.0.0.1:{place.getsockname()[1]}", flush=True)
        await task


def _emit(tx: Tx, workspace_id: str, count: int, size: int) -> None:
    for note in notes(count, size):
        fact = ResourceChanged(resource="note", id="n", change="updated", view=note)  # type: ignore[arg-type]
        tx.emit(workspace_id, fact)


def floor() -> FastAPI:
    """Nothing is kept, numbered, narrowed or resumed, and nobody is asked who he is."""
    app, sockets = FastAPI(), set[WebSocket]()

    @app.websocket("/ws/events")
    async def follow(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text('{"type":"subscribed"}')
        sockets.add(websocket)
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            sockets.discard(websocket)

    async def publish(count: int, size: int) -> None:
        for note in notes(count, size):
            event = {"event_type": "resource_changed", "timestamp": "2026-11-21T11:43:39.311652Z", "seq": 1}
            data = {"resource": "note", "id": "n", "change": "updated", "view": note}
            text = orjson.dumps({**event, "workspace_id": "0" * 36, "data": data}).decode()
            for websocket in tuple(sockets):
                await websocket.send_text(text)

    @app.post("/bench/publish")
    async def answer(request: Request) -> Response:
        return await asked(request, publish)

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("product", "floor"))
    if parser.parse_args().what == "product":
        with TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(product(Path(folder)))
        return
    gc.freeze()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        how = {"loop": "uvloop", "http": "httptools", "ws": "websockets-sansio", "ws_per_message_deflate": False}
        config = uvicorn.Config(floor(), access_log=False, log_level="warning", **how)  # type: ignore[arg-type]
        Announced(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
