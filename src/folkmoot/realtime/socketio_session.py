"""One engine.io session, whichever transports carry it: what comes in is checked and counted, and it can be cut."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Protocol

from starlette.types import Message, Receive, Send

from folkmoot.accounts.rules import Caller
from folkmoot.kernel.json import dumps
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.realtime.closing import Close
from folkmoot.realtime.limits import SocketRules, Tally
from folkmoot.realtime.socketio_protocol import DISCONNECT, is_message, is_packet, packet, packets_of

QUEUE, QUEUE_OF_POLLS = 32, 8
"""Packets that may wait for a client: the library's queue has no bound of its own, and clients take 16 in one poll."""

_LAST_WORDS_SECONDS = 0.25
_COMES_BACK = frozenset({Close.GOING_AWAY, Close.TRY_AGAIN})
"""After these a client shall connect again, which it does where only the connection ends."""


class Queue(Protocol):
    def qsize(self) -> int: ...


class EngineSocket(Protocol):
    """What is used of the library's own session."""

    queue: Queue
    closed: bool
    upgraded: bool

    def send(self, pkt: object) -> Coroutine[object, object, None]: ...

    def close(self, wait: bool = True, abort: bool = False) -> Coroutine[object, object, None]: ...


Packets = Callable[[str], object]
"""Makes a packet of the library's of a text; it can be sent to many."""


class Intake:
    """What a session takes of its client; answers why it does not take something."""

    def __init__(self, rules: SocketRules) -> None:
        self._largest = rules.message_bytes
        self._tally = Tally(rules.messages)

    def of_body(self, body: bytes) -> Close | None:
        """A polling request's packets; answers why they are not taken."""
        if len(body) > self._largest:
            return Close.TOO_LARGE
        try:
            packets = packets_of(body.decode())
        except UnicodeDecodeError:
            return Close.NOT_TEXT
        return Close.BAD_FRAME if packets is None else self._count(sum(map(is_message, packets)))

    def of_frame(self, message: Message) -> Close | None:
        text = message.get("text")
        if text is None or not is_packet(text):
            return Close.TOO_LARGE if text and len(text) > self._largest else Close.BAD_FRAME
        if len(text) > self._largest:
            return Close.TOO_LARGE
        return self._count(is_message(text))

    def _count(self, messages: int) -> Close | None:
        return Close.TOO_MANY if any([self._tally.is_full(monotonic()) for _ in range(messages)]) else None


class Waiting:
    """Tasks that wait for a client who neither reads nor writes: they are cancelled when it is cut off."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        task = asyncio.current_task()
        assert task is not None, "called by a server"
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()


class Session:
    """Made before the handshake; `id` and `socket` are known after it."""

    def __init__(self, caller: Caller, rules: SocketRules, supervisor: Supervisor, packets: Packets) -> None:
        self.caller = caller
        self.id = ""
        self.close: Close | None = None  # why it is over
        self.is_connected = asyncio.Event()
        self._supervisor = supervisor
        self._packets = packets
        self._socket: EngineSocket | None = None
        self._moved = asyncio.Event()
        self.intake = Intake(rules)
        self._waiting = Waiting()
        self._ending: asyncio.Task[None] | None = None

    def opened(self, id: str, socket: EngineSocket) -> None:
        self.id, self._socket = id, socket

    async def emit(self, name: str, payload: object) -> None:
        """At once, whatever waits already: for answers to what the client has said, which is counted."""
        await self.put(self._packets(packet(name, dumps(payload))))

    async def send(self, made: object) -> None:
        """When there is room for it."""
        await self.ready()
        await self.put(made)

    async def ready(self, waiting: int | None = None) -> None:
        """Until at most so many wait for the client; by default until there is room for one more."""
        socket = self._socket
        if socket is None:  # before the handshake nothing waits
            return
        most = (QUEUE if socket.upgraded else QUEUE_OF_POLLS) - 1 if waiting is None else waiting
        while socket.queue.qsize() > most:
            self._moved.clear()
            await self._moved.wait()

    async def put(self, made: object) -> None:
        if self._socket is not None and not self._socket.closed:
            await self._socket.send(made)

    def finish(self, close: Close, error: str | None = None) -> None:
        """End it soon: what still waits for the client may go out first, if it does so at once."""
        if self._ending is None:
            self._ending = self._supervisor.start(self._finish(close, error), "end of a Socket.IO session")

    async def _finish(self, close: Close, error: str | None) -> None:
        if close not in _COMES_BACK:
            await self.emit("error", {"error": error or close.reason[:1].upper() + close.reason[1:]})
            await self.put(self._packets(DISCONNECT))
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self.ready(0)
        await self.cut(close)

    def over(self, close: Close) -> None:
        """Nothing more is said on its sockets, nor waited for."""
        self.close = self.close or close
        self.is_connected.set()

    async def cut(self, close: Close) -> None:
        """End it now."""
        self.over(close)
        if self._socket is not None and not self._socket.closed:
            await self._socket.close(wait=False)
        self._waiting.cancel()

    def receiving(self, receive: Receive) -> Receive:
        """A socket's frames, checked; the last is that it is over."""

        async def checked() -> Message:
            with self._waiting.interruptible():
                message = await receive()
            if message["type"] == "websocket.receive" and (refused := self.intake.of_frame(message)) is not None:
                self.finish(refused)
                with self._waiting.interruptible():
                    await asyncio.Event().wait()  # nothing more is heard of it
            return message

        return checked

    def sending(self, send: Send) -> Send:
        """Notes that something has left; how a socket is closed is said once, by whoever serves it."""

        async def noted(message: Message) -> None:
            if message["type"] == "websocket.close" or (self.close is not None and message["type"] == "websocket.send"):
                return
            with self._waiting.interruptible():
                await send(message)
            self._moved.set()

        return noted
