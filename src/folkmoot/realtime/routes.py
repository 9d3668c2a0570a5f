"""Events over HTTP: a page of the log, and the log as it goes on, for whoever has no WebSocket."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from folkmoot.agents.queries import NoSuchAgent, NotInitialized
from folkmoot.debates.queries import NoSuchDebate
from folkmoot.events.frames import Frame
from folkmoot.http.deps import Db
from folkmoot.http.problems import problems
from folkmoot.http.sse import EventStream, part
from folkmoot.kernel.json import LARGEST_INTEGER, Json, dumps
from folkmoot.realtime.channels import (
    BadChannel,
    BadCursor,
    SeveralLogs,
    TooManyChannels,
    cursors,
    one_log,
)
from folkmoot.realtime.deps import CURSOR_LENGTH, Afters, Following, Visiting
from folkmoot.realtime.guests import Reader
from folkmoot.realtime.pages import events_page
from folkmoot.realtime.schemas import EventPage
from folkmoot.realtime.streams import Batch
from folkmoot.rooms.queries import NoSuchRoom
from folkmoot.runs.queries import NoSuchRun
from folkmoot.tasks.queries import NoSuchTask

router = APIRouter(prefix="/api/events", tags=["events"])

_REFUSED = (NoSuchAgent, NotInitialized, NoSuchTask, NoSuchRun, NoSuchRoom, NoSuchDebate, BadChannel, TooManyChannels)
_FRAMES = (
    'id: 8\nevent: subscribed\ndata: {"type": "subscribed", "channel": "agents", "after": 8, "oldest": 1, '
    '"latest": 8, "reset": false}\n\n'
    'id: 9\nevent: agent_status_changed\ndata: {"event_type": "agent_status_changed", "seq": 9, "data": {}}\n\n'
)
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"example": _FRAMES}},
        "description": "Frames; `id` is the cursor to resume after",
    }
}
Cursor = Annotated[int, Query(ge=0, le=LARGEST_INTEGER, description="Answer only what comes after this seq")]
Limit = Annotated[int, Query(ge=1, le=200)]
LastEventId = Annotated[str | None, Header(max_length=CURSOR_LENGTH, description="Wins over `after`")]


@router.get("", responses=problems(*_REFUSED, SeveralLogs))
async def list_events(db: Db, followed: Following, after: Cursor = 0, limit: Limit = 50) -> EventPage:
    """The log of one workspace in order, narrowed by channels; go on from `next`."""
    return await db.read_long(events_page, one_log(followed), after, limit)


@router.get("/stream", response_class=Response, responses={**_STREAM, **problems(*_REFUSED, BadCursor)})
async def stream_events(
    visit: Visiting, followed: Following, after: Afters = None, last_event_id: LastEventId = None
) -> Response:
    """As `/ws/events`: `subscribed`, then what came after Last-Event-ID or `after`, then all that is new.

    Whoever names a room is there meanwhile, and is not told who else is.
    """
    joined = await visit.join(followed, cursors(last_event_id or after, followed))
    reader = Reader(visit, followed.rooms)
    parts = _parts(reader.attend(joined.batches()), is_single=followed.is_single)
    return EventStream(parts, visit.process.supervisor, partial(joined.left, reader.lose))


async def _parts(batches: AsyncGenerator[Batch, None], *, is_single: bool) -> AsyncGenerator[bytes, None]:
    """Each with the cursor that says where the reader is after it."""
    at: dict[str, Json] = {}
    async with aclosing(batches):
        async for batch in batches:
            told = []
            for item in batch.items:
                if isinstance(item, Frame):
                    at[batch.workspace_id] = item.seq
                    told.append(part(item.type, item.text, item.seq if is_single else dumps(at)))
                else:
                    start = item["after"]
                    at |= start if isinstance(start, dict) else {batch.workspace_id: start}
                    told.append(part(str(item["type"]), dumps(item), dumps(start if is_single else at)))
            yield b"".join(told)
