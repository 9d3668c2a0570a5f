"""The relay: short texts from one process of an installation to all of them, by topic. Any of them may be lost.

Nothing depends on it but speed: the log is in the database, and who follows it polls.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from folkmoot.kernel.json import dumps, loads
from folkmoot.kernel.supervisor import Supervisor

Hear = Callable[[str], None]

QUEUE = 10_000
"""Texts that wait to be sent; past it the newest are dropped."""
BATCH = 100
"""Texts of one message: PostgreSQL takes less than 8000 bytes, and a wake is 39 of them."""
PATIENCE_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0

_log = logging.getLogger(__name__)


class Relay(Protocol):
    """What is told is heard by every process that listens to the topic, the telling one not included."""

    carries_all: bool
    """Whether texts of any length and number are welcome, such as words while they are written."""

    def tell(self, topic: str, text: str, *, once: bool = False) -> None:
        """Sent soon, in order; never waits. With `once` not again while the same text waits to be sent."""

    def listen(self, topic: str, hear: Hear) -> None:
        """Call `hear` with each text; with an empty one when some may have been lost."""

    def forget(self, topic: str) -> None: ...

    def start(self, supervisor: Supervisor, installation: str) -> None:
        """Connect, and again whenever the connection is lost. `installation` tells ours from others' texts."""

    async def stop(self) -> None: ...


class Alone:
    """The relay of a process that is the only one."""

    carries_all = False

    def tell(self, topic: str, text: str, *, once: bool = False) -> None:
        return

    def listen(self, topic: str, hear: Hear) -> None:
        return

    def forget(self, topic: str) -> None:
        return

    def start(self, supervisor: Supervisor, installation: str) -> None:
        return

    async def stop(self) -> None:
        return


class Courier(Protocol):
    """A server that carries messages by channel: an adapter of one library."""

    name: str
    carries_all: bool
    faults: tuple[type[Exception], ...]
    """What the library raises for a server that is not there."""

    def connection(self, heard: Callable[[str, str], None]) -> AbstractAsyncContextManager[Awaitable[None]]:
        """Open while one works with it; awaiting what it answers hears channel and message, until that fails."""

    async def follow(self, channels: frozenset[str]) -> None:
        """Hear these channels and no others."""

    async def send(self, channel: str, message: str) -> None: ...


class ServerRelay:
    """A relay over a server: keeps what is to be told, reconnects, and passes on what others tell.

    A topic is a channel of the server's; a message is who tells, and texts.
    """

    def __init__(self, host_id: str, courier: Courier) -> None:
        self.carries_all = courier.carries_all
        self._courier = courier
        self._faults: tuple[type[Exception], ...] = (*courier.faults, OSError, TimeoutError)
        self._hears: dict[str, Hear] = {}
        self._is_connected = False
        self._host_id = host_id
        self._prefix = ""
        self._waiting: dict[tuple[str, str, int], None] = {}
        self._told = 0
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def tell(self, topic: str, text: str, *, once: bool = False) -> None:
        if self._is_connected and len(self._waiting) < QUEUE:
            self._told += 1
            self._waiting[(topic, text, 0 if once else self._told)] = None
            self._news.set()

    def listen(self, topic: str, hear: Hear) -> None:
        self._hears[topic] = hear
        self._news.set()

    def forget(self, topic: str) -> None:
        self._hears.pop(topic, None)
        self._news.set()

    def start(self, supervisor: Supervisor, installation: str) -> None:
        self._prefix = f"folkmoot_{installation.replace('-', '')}_"
        self._task = supervisor.start(self._stay_connected(supervisor), f"{self._courier.name} relay")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _stay_connected(self, supervisor: Supervisor) -> None:
        pause, was_lost = _FIRST_PAUSE_SECONDS, False
        while True:
            try:
                async with self._courier.connection(self._heard) as hearing:
                    await self._courier.follow(frozenset(map(self._channel, self._hears)))
                    if was_lost:
                        _log.info("%s is back", self._courier.name)
                    pause, was_lost, self._is_connected = _FIRST_PAUSE_SECONDS, False, True
                    for hear in tuple(self._hears.values()):
                        hear("")
                    await self._work(supervisor, hearing)
            except self._faults as error:
                if not was_lost:
                    _log.warning("%s is gone; what other processes do is seen later: %s", self._courier.name, error)
                was_lost = True
            finally:
                self._is_connected = False
                self._waiting.clear()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _work(self, supervisor: Supervisor, hearing: Awaitable[None]) -> None:
        """Send and hear until either fails, as it does when the server is gone."""
        parts = (self._fault_of(self._send_all()), self._fault_of(hearing))
        works = [supervisor.start(part, f"{self._courier.name} relay") for part in parts]
        try:
            await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for work in works:
                work.cancel()
            outcomes = await asyncio.gather(*works, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _fault_of(self, work: Awaitable[None]) -> Exception | None:
        """What the library raised: a task that raises is logged as a bug."""
        try:
            await work
        except self._faults as fault:
            return fault
        return None

    async def _send_all(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._courier.follow(frozenset(map(self._channel, self._hears)))
            while self._waiting:
                batch: dict[str, list[str]] = {}
                for told in list(self._waiting)[:BATCH]:
                    del self._waiting[told]
                    batch.setdefault(told[0], []).append(told[1])
                for topic, texts in batch.items():
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        await self._courier.send(self._channel(topic), dumps([self._host_id, texts]))

    def _heard(self, channel: str, message: str) -> None:
        """A message of some process. What cannot be read is somebody else's."""
        hear = self._hears.get(channel.removeprefix(self._prefix))
        try:
            told = loads(message)
        except ValueError:
            return
        match told:
            case [str() as host_id, list() as texts] if hear is not None and host_id != self._host_id:
                for text in texts:
                    hear(str(text))

    def _channel(self, topic: str) -> str:
        return f"{self._prefix}{topic}"
