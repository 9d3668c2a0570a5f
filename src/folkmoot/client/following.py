"""Streams that go on by themselves: cut wherever it may be, each fact is given once and none is missed."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from folkmoot.client.calls.events import list_events
from folkmoot.client.faults import ApiProblem, Unreachable
from folkmoot.client.items import Delta, DeltaReset, Event, Position, Reset, event_of
from folkmoot.client.session import TRIES, Session, delay_seconds
from folkmoot.client.sse import Part
from folkmoot.client.wire import Call, nothing, path
from folkmoot.kernel.json import LARGEST_INTEGER, Json, JsonObject, dumps

TERMINAL = frozenset({"completion", "failure", "cancelled"})
_OTHER_LOGS = ("all", "workspace:")
"""No cursor is higher, so nothing is behind it."""


class Cut:
    """The connection was lost, and there is a new one: what is shown once may have been missed."""


@dataclass
class Cursor:
    """Where a stream is. `id` is what the server resumes after; one stream may carry several workspaces' logs."""

    id: str | None = None
    seen: dict[str, int] = field(default_factory=dict)

    def take(self, part: Part) -> Event | Reset | Delta | DeltaReset | None:
        """What a part says, None for what was seen before and for what only moves the cursor."""
        match part.event:
            case "subscribed":
                return self._subscribe(part)
            case "delta":
                return Delta(str(part.data.get("text", "")), _key(part.data))
            case "delta_reset":
                return DeltaReset(_key(part.data))
            case _ if "event_type" in part.data:
                return self._move(event_of(part.data), part.id)
            case _:
                return None

    def _subscribe(self, part: Part) -> Reset | None:
        after, oldest, latest = (_position(part.data.get(name)) for name in ("after", "oldest", "latest"))
        if part.id is not None or self.id is None:
            self.id = part.id or dumps(after)
        if not part.data.get("reset"):
            return None
        self.seen |= after if isinstance(after, dict) else dict.fromkeys(self.seen, after)
        return Reset(after, oldest, latest)

    def _move(self, event: Event, id: str | None) -> Event | None:
        self.id = id or self.id
        if event.seq <= self.seen.get(event.workspace_id, -1):
            return None
        self.seen[event.workspace_id] = event.seq
        return event


async def events(
    session: Session, after: int | str | None = None, channels: Sequence[str] = ()
) -> AsyncGenerator[Event | Reset, None]:
    """The workspace's events behind the cursor `after`, by default from now on; ends only when it is closed.

    `channels` narrows them: `agents`, `agent:{id}`, `task:{id}`, `run:{id}`, `all`. Reconnects after any cut and goes
    on where it was. Raises Unreachable only where the first connection fails; ApiProblem for what will not pass, such
    as a key that was revoked.
    """
    query = {"channels": ",".join(channels) or None}
    call = Call("GET", "/api/events/stream", nothing, query)
    cursor = Cursor(await _newest(session, channels) if after is None else str(after))
    async with aclosing(connections(session, call, cursor)) as parts:
        async for part in parts:
            item = None if isinstance(part, Cut) else cursor.take(part)
            if isinstance(item, Event | Reset):
                yield item


async def follow_run(
    session: Session, run_id: str, after: int = 0
) -> AsyncGenerator[Event | Delta | DeltaReset | Reset, None]:
    """A run's events from its first, or behind `after`, up to its last, and between them text as it is written.

    Reconnects as `events` does; where text was missed meanwhile, a DeltaReset says so.
    """
    call = Call("GET", path("/api/runs/{run_id}/stream", run_id=run_id), nothing)
    cursor = Cursor(str(after))
    is_writing = False
    async with aclosing(connections(session, call, cursor)) as parts:
        async for part in parts:
            item = (DeltaReset() if is_writing else None) if isinstance(part, Cut) else cursor.take(part)
            if item is not None:
                is_writing = isinstance(item, Delta)
                yield item
            if isinstance(item, Event) and item.event_type in TERMINAL:
                return


async def _newest(session: Session, channels: Sequence[str]) -> str | None:
    """Where the log ends, asked for by itself: a stream that is cut before it has said so would begin anew later.

    None where channels may name other logs, or several, which only a stream follows together.
    """
    if any(channel.startswith(_OTHER_LOGS) for channel in channels):
        return None
    page = await session.call(list_events(after=LARGEST_INTEGER, limit=1))
    return str(page.latest)


async def connections(session: Session, call: Call[None], cursor: Cursor) -> AsyncGenerator[Part | Cut, None]:
    """The parts of one connection after the other, until the server has nothing more to tell."""
    has_been_there, tries = False, 0
    while not session.transport.is_closed:
        wait = 0.0
        try:
            async with session.stream(call, cursor.id) as parts:
                if parts is None:
                    return
                if has_been_there:
                    yield Cut()
                has_been_there = True
                async for part in parts:
                    tries = 0
                    yield part
        except Unreachable:
            if not has_been_there and tries >= TRIES:
                raise
        except ApiProblem as problem:
            if not is_passing(problem) or (not has_been_there and tries >= TRIES):
                raise
            wait = problem.retry_after_seconds or 0.0
        # A stream that ends early and says nothing must not become a busy loop.
        await session.transport.sleep(max(wait, delay_seconds(tries)))
        tries += 1


def is_passing(problem: ApiProblem) -> bool:
    """Whether the same call may well succeed in a moment."""
    return problem.status >= 500 or problem.status == 429


def _key(data: JsonObject) -> str | None:
    key = data.get("key")
    return key if isinstance(key, str) else None


def _position(value: Json) -> Position:
    if isinstance(value, dict):
        return {workspace_id: seq for workspace_id, seq in value.items() if isinstance(seq, int)}
    return value if isinstance(value, int) else 0
