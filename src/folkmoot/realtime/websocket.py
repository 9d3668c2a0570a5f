"""WebSockets: who may open one is decided before it opens, by the same dependencies as REST."""

from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from folkmoot.events.frames import Frame
from folkmoot.http.deps import Process
from folkmoot.http.race import gone, race
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.runs.deps import Engine, RunId
from folkmoot.runs.stream import RunWatch
from folkmoot.runs.views import is_told
from folkmoot.workspaces.deps import Here

router = APIRouter(prefix="/ws")

_NEWEST = 2**53
_NORMAL, _TRY_AGAIN = 1000, 1013


@router.websocket("/runs/{run_id}")
async def follow_run(
    websocket: WebSocket,
    process: Process,
    engine: Engine,
    here: Here,
    run_id: RunId,
    after: Annotated[int | None, Query(ge=0, le=_NEWEST)] = None,
) -> None:
    """A run's events after a cursor, or only new ones; closed after the run's last event.

    What is refused is refused as on REST: the handshake is answered with the problem.
    """
    is_over = await process.db.read(is_told, here, run_id, _NEWEST if after is None else after)
    await websocket.accept()
    items = RunWatch(process.hub, engine.live, process.supervisor).follow(here.workspace_id, run_id, after)
    code = _NORMAL
    try:
        await race(process.supervisor, _send(websocket, items, only_first=is_over), gone(websocket.receive))
    except Problem:
        code = _TRY_AGAIN
    finally:
        await items.aclose()
    if websocket.client_state is websocket.application_state is WebSocketState.CONNECTED:
        await websocket.close(code)


async def _send(websocket: WebSocket, items: AsyncGenerator[Frame | JsonObject, None], *, only_first: bool) -> None:
    """Frames as they come; where everything was told already, only `subscribed`."""
    with suppress(WebSocketDisconnect):  # gone between two frames: the other side of the race says it too
        async for item in items:
            await websocket.send_text(item.text if isinstance(item, Frame) else dumps(item))
            if only_first:
                return
