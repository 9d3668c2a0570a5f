"""Following: one in-order reader per followed workspace, and followers that pull by their own cursor.

No follower has a queue: a stalled client costs nothing, and reads from the table what the ring has dropped.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.bus import POLL_SECONDS, Bus
from folkmoot.events.frames import Frame, frame
from folkmoot.events.queries import find_head, list_events
from folkmoot.events.ring import Ring
from folkmoot.events.rules import EVERYTHING, AnyOf, Selection
from folkmoot.events.tables import Event
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.metrics import Histogram
from folkmoot.kernel.supervisor import Supervisor

_READ = 500
_REPLAY = 50
_SOME, _SOME_BYTES = 128, 32_768

_log = logging.getLogger(__name__)

Sees = Callable[[frozenset[str]], Awaitable[frozenset[str]]]
"""Which of these rooms somebody is in at this moment: he is told of no other."""


class Feed:
    """One workspace's reader and its ring; it lives as long as somebody follows."""

    def __init__(self, db: Database, workspace_id: str, lag: Histogram) -> None:
        self.workspace_id = workspace_id
        self.ring = Ring(0)
        self.followers = 0
        self.task: asyncio.Task[None] | None = None
        self._db = db
        self._lag = lag
        self._more = asyncio.Event()
        self._moved = asyncio.Event()

    def wake(self, latest: int | None) -> None:
        if latest is None or latest > self.ring.last:
            self._more.set()

    async def read(self) -> None:
        """The reader's loop: whatever is new goes into the ring, in order."""
        self._more.set()
        while True:
            await self._more.wait()
            self._more.clear()
            try:
                events = await self._db.read(list_events, self.workspace_id, self.ring.last, _READ)
            except Problem as problem:
                _log.warning("events of workspace %s cannot be read: %s", self.workspace_id, problem)
                await asyncio.sleep(POLL_SECONDS)
                self._more.set()
                continue
            for event in events:
                self.ring.add(frame(event))
            if len(events) == _READ:
                self._more.set()
            if events:
                self._lag.observe(max(0.0, (now() - events[0].at).total_seconds()))
                self.announce()

    def announce(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def movement(self) -> None:
        await self._moved.wait()


class Follower:
    """One reader of a workspace's log: iterate it for frames; it ends when the hub is closed.

    `after` is where it begins, `oldest` and `latest` what the log held then; `reset` says that the
    cursor asked for cannot be gone on from, so what the client knows must be fetched anew.
    """

    def __init__(self, hub: "EventHub", feed: Feed, selection: Selection | AnyOf, sees: Sees | None) -> None:
        self._sees = sees
        self._hub = hub
        self._feed = feed
        self._selection = selection
        self._cursor = self.after = self.oldest = self.latest = 0
        self.reset = False
        self._replay: list[Frame] = []

    def start(self, after: int | None, oldest: int, latest: int) -> None:
        self.oldest, self.latest = oldest, latest
        if after is None:
            self.after = latest
        else:
            self.reset = after > latest or after < oldest - 1
            self.after = min(max(after, oldest - 1), latest)
        self._cursor = self.after

    def __aiter__(self) -> "Follower":
        return self

    async def __anext__(self) -> Frame:
        while True:
            found = await self._following()
            if await self.seen([found]):
                return found

    async def seen(self, frames: list[Frame]) -> list[Frame]:
        """Without those of rooms that the reader is not in now, whenever he was before."""
        rooms = frozenset(frame.references["room_id"] for frame in frames if "room_id" in frame.references)
        if self._sees is None or not rooms:
            return frames
        shown = await self._sees(rooms)
        return [frame for frame in frames if frame.references.get("room_id") in (None, *shown)]

    async def _following(self) -> Frame:
        while not self._hub.closed:
            found = self._next_replayed() or self._next_in_ring()
            if found is not None:
                return found
            if self._cursor >= self._feed.ring.last:
                await self._feed.movement()
            else:
                await self._read_behind()
        raise StopAsyncIteration

    async def some(self) -> list[Frame]:
        """The next frame and those at hand behind it, as many as are well sent at once; none when the hub is closed."""
        while True:
            frames = await self._at_hand()
            if (seen := await self.seen(frames)) or not frames:
                return seen

    async def _at_hand(self) -> list[Frame]:
        frames: list[Frame] = []
        try:
            found: Frame | None = await self._following()
        except StopAsyncIteration:
            return frames
        size = 0
        while found is not None:
            frames.append(found)
            size += len(found.text)
            if len(frames) == _SOME or size >= _SOME_BYTES:
                break
            found = self._next_replayed() or self._next_in_ring()
        return frames

    def _next_replayed(self) -> Frame | None:
        return self._replay.pop() if self._replay else None

    def _next_in_ring(self) -> Frame | None:
        while (found := self._feed.ring.find(self._cursor + 1)) is not None:
            self._cursor += 1
            if self._selection.takes(found.type, found.references):
                return found
        return None

    async def _read_behind(self) -> None:
        events, latest = await self._hub.db.read_long(_behind, self._feed.workspace_id, self._cursor, self._selection)
        self._replay = [frame(event) for event in reversed(events)]
        self._cursor = events[-1].seq if len(events) == _REPLAY else max(latest, self._cursor)


def _behind(tx: Tx, workspace_id: str, after: int, selection: Selection | AnyOf) -> tuple[list[Event], int]:
    events = list_events(tx, workspace_id, after, _REPLAY, selection)
    head = find_head(tx, workspace_id)
    return events, 0 if head is None else head.seq


class EventHub:
    """All that is followed in this process."""

    def __init__(self, db: Database, supervisor: Supervisor, bus: Bus) -> None:
        self.db = db
        self.closed = False
        self._supervisor = supervisor
        self._bus = bus
        self._feeds: dict[str, Feed] = {}
        self.lag = Histogram("folkmoot_events_lag_seconds", "From an event to when those who follow here have it")

    @property
    def followers(self) -> int:
        return sum(feed.followers for feed in self._feeds.values())

    def start(self) -> None:
        self._supervisor.start(self._bus.poll(self.db), "event poll")

    def close(self) -> None:
        """End every follower: the server is going down."""
        self.closed = True
        for feed in self._feeds.values():
            feed.announce()

    @asynccontextmanager
    async def follow(
        self,
        workspace_id: str,
        after: int | None = None,
        selection: Selection | AnyOf = EVERYTHING,
        sees: Sees | None = None,
    ) -> AsyncIterator[Follower]:
        """Frames with seq > after (None: only new ones), narrowed by a selection and to the rooms somebody sees.

        A workspace without a log has no events. Raises what the database raises.
        """
        feed = self._attach(workspace_id)
        try:
            head = await self.db.read(find_head, workspace_id)
            oldest, latest = (head.oldest, head.seq) if head is not None else (1, 0)
            if feed.task is None:
                feed.ring = Ring(latest)
                feed.task = self._supervisor.start(feed.read(), f"events of {workspace_id}")
            follower = Follower(self, feed, selection, sees)
            follower.start(after, oldest, latest)
            yield follower
        finally:
            self._detach(feed)

    def _attach(self, workspace_id: str) -> Feed:
        feed = self._feeds.get(workspace_id)
        if feed is None:
            feed = self._feeds[workspace_id] = Feed(self.db, workspace_id, self.lag)
            self._bus.listen(workspace_id, feed.wake)
        feed.followers += 1
        return feed

    def _detach(self, feed: Feed) -> None:
        feed.followers -= 1
        if feed.followers == 0 and self._feeds.get(feed.workspace_id) is feed:
            del self._feeds[feed.workspace_id]
            self._bus.forget(feed.workspace_id)
            if feed.task is not None:
                feed.task.cancel()
