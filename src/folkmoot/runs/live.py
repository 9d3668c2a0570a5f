"""What a run shows before it is done: ephemeral frames, batched, for whoever watches.

Those who watch in another process get them by a relay that carries so much, which is Redis; without it they
see what is durable.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial

from folkmoot.events.relay import Alone, Relay
from folkmoot.kernel.json import JsonObject, dumps, loads
from folkmoot.kernel.values import fixed
from folkmoot.runs.held import CallAccount

BATCH_SECONDS = 0.04
"""How long deltas are gathered before they are handed on."""


@dataclass(eq=False)
class Watcher:
    """One watcher's frames. Neighbouring deltas of a call are one frame, so it holds at most the answer's text."""

    frames: list[JsonObject] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    taken_at: float = 0.0

    @property
    def is_over(self) -> bool:
        return self.over.is_set()

    def add(self, frame: JsonObject) -> None:
        last = self.frames[-1] if self.frames else None
        if last is not None and frame["type"] == last["type"] == "delta" and frame["key"] == last["key"]:
            self.frames[-1] = {**last, "text": f"{last['text']}{frame['text']}"}
        else:
            self.frames.append(frame)
        self.news.set()

    def close(self) -> None:
        self.over.set()
        self.news.set()

    async def ready(self) -> None:
        """Until there is something to take, at the earliest 40 ms after the last, or the run has ended."""
        await self.news.wait()
        try:
            async with asyncio.timeout_at(self.taken_at + BATCH_SECONDS):
                await self.over.wait()
        except TimeoutError:
            return

    def take(self) -> list[JsonObject]:
        """Frames `delta {key, text}` and `delta_reset {key}` that have gathered."""
        self.news.clear()
        self.taken_at = asyncio.get_running_loop().time()
        frames, self.frames = self.frames, []
        return frames

    async def __aiter__(self) -> AsyncIterator[JsonObject]:
        """Frames until the run has ended."""
        while not (self.is_over and not self.frames):
            await self.ready()
            for frame in self.take():
                yield frame


class LiveHub:
    """Who watches which run."""

    def __init__(self, relay: Relay | None = None) -> None:
        self._relay = relay or Alone()
        self._watchers: dict[str, list[Watcher]] = {}

    def watch(self, run_id: str) -> Watcher:
        """Begin to watch; every watcher must be given back to `leave`."""
        watcher = Watcher()
        if run_id not in self._watchers and self._relay.carries_all:
            self._relay.listen(_topic(run_id), partial(self._hear, run_id))
        self._watchers.setdefault(run_id, []).append(watcher)
        return watcher

    def leave(self, run_id: str, watcher: Watcher) -> None:
        watchers = self._watchers.get(run_id, [])
        if watcher in watchers:
            watchers.remove(watcher)
        if not watchers:
            self._watchers.pop(run_id, None)
            self._relay.forget(_topic(run_id))

    def publish(self, run_id: str, frame: JsonObject) -> None:
        self._show(run_id, frame)
        if self._relay.carries_all:
            self._relay.tell(_topic(run_id), dumps(frame))

    def _hear(self, run_id: str, text: str) -> None:
        """A frame of the process that works on the run. Frames that were lost on the way are not asked for again."""
        if text:
            frame = loads(text)
            assert isinstance(frame, dict), "written by `publish`"
            self._show(run_id, frame)

    def _show(self, run_id: str, frame: JsonObject) -> None:
        for watcher in self._watchers.get(run_id, ()):
            watcher.add(frame)

    def watched(self) -> tuple[str, ...]:
        """The runs that are watched."""
        return tuple(self._watchers)

    def close(self, run_id: str) -> None:
        for watcher in self._watchers.get(run_id, ()):
            watcher.close()

    def close_all(self) -> None:
        """Nothing more will be shown: the process stops."""
        for run_id in tuple(self._watchers):
            self.close(run_id)


def _topic(run_id: str) -> str:
    return f"run_{run_id}"


@fixed
class LiveCall:
    """The `Live` of one call."""

    hub: LiveHub
    run_id: str
    key: str
    account: CallAccount | None = None

    def text(self, delta: str) -> None:
        self.hub.publish(self.run_id, {"type": "delta", "key": self.key, "text": delta})

    def reset(self) -> None:
        self.hub.publish(self.run_id, {"type": "delta_reset", "key": self.key})
