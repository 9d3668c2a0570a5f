"""One open WebSocket: frames go out as fast as they are taken, what comes in is counted, and the end has a reason."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from time import monotonic

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected, WebSocketState

from folkmoot.events.facts import ResourceChanged
from folkmoot.events.frames import Frame
from folkmoot.http.race import race
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import JsonObject, dumps, loads
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.realtime.closing import Close
from folkmoot.realtime.limits import SocketRules, Tally
from folkmoot.realtime.streams import Batch
from folkmoot.workspaces.stay import End

TEXTS = "folkmoot.texts"
"""The extension of our own listener: `texts`, several messages that go out in one piece."""

HEARTBEAT = dumps({"type": "heartbeat"})
_PATIENCE_SECONDS = 2.0

Work = Coroutine[object, object, None]
IsLast = Callable[[Frame | JsonObject], Close | None]
"""Why nothing is said after this frame; None where it goes on."""


class Connection:
    """A socket that was let in; `end` is why it is closed, None where its peer has left.

    `has_begun` once something was said on it; `heard` is called with what its peer says.
    """

    def __init__(self, websocket: WebSocket, supervisor: Supervisor, rules: SocketRules) -> None:
        self.end: Close | None = Close.DONE
        self.heard: Callable[[str], None] | None = None
        self.has_begun = asyncio.Event()
        self._websocket = websocket
        self._supervisor = supervisor
        self._rules = rules
        self._moved_at = monotonic()
        self._in_one_piece = TEXTS in websocket.scope.get("extensions", {})

    async def run(self, over: Coroutine[object, object, End], *works: Work) -> None:
        """Until one of these works is done, the peer is gone or has said too much, or `over` says he may not stay."""
        everything = (self._no_longer(over), self._hear(), *map(self._guarded, works))
        try:
            await self._websocket.accept()
        except WebSocketDisconnect:
            for work in (over, *everything, *works):
                work.close()
            return
        try:
            await race(self._supervisor, *everything)
        except Exception:
            self.end = Close.BROKEN
            raise
        finally:
            await self._close()

    async def send(self, texts: Sequence[str]) -> None:
        """Frames in order, as one piece where the listener can."""
        self._moved_at = monotonic()
        if self._in_one_piece:
            await self._websocket.send({"type": "websocket.send", "texts": texts})
        else:
            for text in texts:
                await self._websocket.send({"type": "websocket.send", "text": text})
        self.has_begun.set()

    async def pump(self, batches: AsyncGenerator[Batch, None], is_last: IsLast | None = None) -> None:
        """Everything that comes, up to a last frame; without one until the server goes down."""
        async with aclosing(batches):
            async for batch in batches:
                await self.send([text_of(item) for item in batch.items])
                ends = map(is_last, batch.items) if is_last is not None else ()
                if (end := next((end for end in ends if end is not None), None)) is not None:
                    self.end = end
                    return
            self.end = Close.GOING_AWAY

    async def beat(self) -> None:
        """A heartbeat whenever nothing has come or gone for a while."""
        while True:
            left = self._moved_at + self._rules.heartbeat_seconds - monotonic()
            if left > 0:
                await asyncio.sleep(left)
            else:
                await self.send([HEARTBEAT])

    async def _hear(self) -> None:
        """Until the peer is gone or is too much; what it says is counted, whether anybody hears it or not."""
        tally = Tally(self._rules.messages)
        while (message := await self._websocket.receive())["type"] != "websocket.disconnect":
            self._moved_at = monotonic()
            if _size(message) > self._rules.message_bytes:
                self.end = Close.TOO_LARGE
                return
            if tally.is_full(self._moved_at):
                self.end = Close.TOO_MANY
                return
            if self.heard is not None and message.get("text") is not None:
                self.heard(message["text"])
        self.end = None

    async def _no_longer(self, over: Coroutine[object, object, End]) -> None:
        self.end = Close.of_stay(await over)

    async def _guarded(self, work: Work) -> None:
        """A task that raises is logged as a bug, so what can go wrong is kept."""
        try:
            # Gone between two frames: the other side of the race says it too.
            with suppress(WebSocketDisconnect, WebSocketDisconnected):
                await work
        except Problem as problem:
            self.end = Close.of_problem(problem)

    async def _close(self) -> None:
        """Whoever takes nothing any more is not waited for long."""
        socket, end = self._websocket, self.end
        if end is None or not (socket.client_state is socket.application_state is WebSocketState.CONNECTED):
            return
        with suppress(TimeoutError, WebSocketDisconnect, WebSocketDisconnected):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await socket.close(end.code, end.reason)


def text_of(item: Frame | JsonObject) -> str:
    return item.text if isinstance(item, Frame) else dumps(item)


def when_deleted(resource: str, id: str) -> IsLast:
    """The end of what is about one thing."""

    def end(frame: Frame | JsonObject) -> Close | None:
        if not isinstance(frame, Frame) or frame.type != ResourceChanged.type:
            return None
        match loads(frame.text):
            case {"data": {"resource": str() as kind, "id": str() as gone, "change": "deleted"}}:
                return Close.GONE if (kind, gone) == (resource, id) else None
            case _:
                return None

    return end


def _size(message: Message) -> int:
    text = message.get("text")
    return len(message.get("bytes") or b"") if text is None else len(text.encode())
