"""Runs over HTTP: look, wait, follow, cancel, pause, resume. Starting one belongs to the room that knows its task."""

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from folkmoot.events.frames import Frame
from folkmoot.http.deps import Db, Process
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.http.sse import EventStream, part
from folkmoot.http.text import Line
from folkmoot.kernel.json import LARGEST_INTEGER, JsonObject, dumps
from folkmoot.runs import changes, queries, service, views
from folkmoot.runs.changes import RunIsLive
from folkmoot.runs.deps import Engine, RunId
from folkmoot.runs.queries import NoSuchRun
from folkmoot.runs.schemas import (
    Level,
    RunChange,
    RunEvents,
    RunLogs,
    RunPage,
    RunView,
    Status,
)
from folkmoot.runs.service import RunHasEnded, RunNotPausable, RunNotResumable
from folkmoot.runs.stream import RunWatch
from folkmoot.workspaces.deps import Here, Staying

Cursor = Annotated[int, Query(ge=0, le=LARGEST_INTEGER, description="Answer only what comes after this seq")]
Limit = Annotated[int, Query(ge=1, le=200)]

router = APIRouter(prefix="/api/runs", tags=["runs"])
_UNKNOWN = problems(NoSuchRun)
_FRAMES = 'id: 9\nevent: progress\ndata: {"event_type": "progress", "seq": 9, "run_seq": 4, "data": {"step": 1}}\n\n'


@router.get("")
async def list_runs(
    db: Db,
    here: Here,
    paging: Paging,
    kind: Annotated[str | None, Query(pattern=r"^[a-z_]{1,64}$")] = None,
    status: Annotated[Status | None, Query()] = None,
    task_id: Annotated[Line | None, Query()] = None,
) -> RunPage:
    """Newest first. Replies are left out unless `kind` asks for them."""
    filters = {"kind": kind, "status": status, "task_id": task_id}
    given = {name: value for name, value in filters.items() if value is not None}
    runs, total = await db.read_long(views.show_runs, here, given, paging.skip, paging.limit)
    return RunPage(runs=runs, total=total, skip=paging.skip, limit=paging.limit)


@router.get("/{run_id}", responses=_UNKNOWN)
async def get_run(db: Db, here: Here, run_id: RunId, with_cursor: Annotated[bool, Query()] = False) -> RunView:
    return await db.read(views.show_run, here, run_id, with_cursor=with_cursor)


@router.patch("/{run_id}", responses=_UNKNOWN)
async def change_run(db: Db, here: Here, run_id: RunId, change: RunChange) -> RunView:
    """Metadata is replaced whole; a priority counts for runs that wait for a slot."""
    run = await db.write(changes.change_run, here, run_id, change)
    return views.run_view(run)


@router.delete("/{run_id}", status_code=204, responses=problems(NoSuchRun, RunIsLive))
async def delete_run(
    engine: Engine,
    here: Here,
    run_id: RunId,
    cancel: Annotated[bool, Query(description="Cancel a live run first")] = False,
) -> None:
    await changes.delete_run(engine, here, run_id, cancel_first=cancel)


@router.get("/{run_id}/wait", responses=_UNKNOWN)
async def wait_for_run(
    engine: Engine,
    db: Db,
    stay: Staying,
    run_id: RunId,
    seconds: Annotated[float, Query(alias="timeout", ge=0, le=300)] = 60.0,
) -> RunView:
    """The run once it has ended, or as it is after `timeout` seconds."""
    await engine.wait(stay.scope, run_id, seconds)
    await stay.check()
    return await db.read(views.show_run, stay.scope, run_id, with_cursor=False)


@router.get("/{run_id}/logs", responses=_UNKNOWN)
async def list_run_logs(
    db: Db, here: Here, run_id: RunId, after: Cursor = 0, limit: Limit = 50, level: Level = "debug"
) -> RunLogs:
    """The run's journal as sentences. A page may hold fewer lines than `limit`; go on from `next`."""
    return await db.read_long(views.show_logs, here, run_id, after, limit, level)


@router.get("/{run_id}/events", responses=_UNKNOWN)
async def list_run_events(db: Db, here: Here, run_id: RunId, after: Cursor = 0, limit: Limit = 50) -> RunEvents:
    """The run's events; `after` and `next` are workspace seqs, as everywhere, not `run_seq`."""
    return await db.read_long(views.show_events, here, run_id, after, limit)


@router.get(
    "/{run_id}/stream",
    response_class=Response,
    responses={
        200: {
            "content": {"text/event-stream": {"example": _FRAMES}},
            "description": "Frames; `id` is the cursor to resume after",
        },
        204: {"description": "The run has ended and everything was told: do not reconnect"},
        **_UNKNOWN,
    },
)
async def stream_run(
    process: Process,
    engine: Engine,
    stay: Staying,
    run_id: RunId,
    after: Cursor = 0,
    last_event_id: Annotated[str | None, Header(pattern=r"^\d{0,15}$")] = None,
) -> Response:
    """Events from the first on, or after Last-Event-ID or `after`; ends with the run's last event."""
    cursor = int(last_event_id) if last_event_id else after
    if await process.db.read(views.is_told, stay.scope, run_id, cursor):
        return Response(status_code=204)
    watch = RunWatch(process.hub, engine.live, process.supervisor)
    run = await process.db.read(queries.get_run, stay.scope, run_id)
    parts = _parts(watch.follow(stay.scope, run, cursor))
    return EventStream(parts, process.supervisor, stay.of_room(run.room_id).until_ended)


async def _parts(items: AsyncGenerator[Frame | JsonObject, None]) -> AsyncGenerator[bytes, None]:
    """`subscribed` is sent only where it says that the cursor is too old to go on from."""
    async for item in items:
        if isinstance(item, Frame):
            yield part(item.type, item.text, item.seq)
        elif item["type"] != "subscribed" or item["reset"]:
            yield part(str(item["type"]), dumps(item))


@router.post("/{run_id}/cancel", responses=problems(NoSuchRun, RunHasEnded))
async def cancel_run(engine: Engine, here: Here, run_id: RunId) -> RunView:
    """Also settles a run whose worker is gone; what it has made so far is kept."""
    return views.run_view(await service.cancel_run(engine, here, run_id))


@router.post("/{run_id}/pause", responses=problems(NoSuchRun, RunNotPausable))
async def pause_run(engine: Engine, here: Here, run_id: RunId) -> RunView:
    """Nothing new starts; the run is paused once what is in flight has ended."""
    return views.run_view(await service.pause_run(engine, here, run_id))


@router.post("/{run_id}/resume", responses=problems(NoSuchRun, RunNotResumable))
async def resume_run(engine: Engine, here: Here, run_id: RunId) -> RunView:
    return views.run_view(await service.resume_run(engine, here, run_id))
