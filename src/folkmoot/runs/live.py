"""What a run shows before it is done: ephemeral frames, batched, for whoever watches in this process."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from folkmoot.kernel.json import JsonObject

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

    def __init__(self) -> None:
        self._watchers: dict[str, list[Watcher]] = {}

    def watch(self, run_id: str) -> Watcher:
        """Begin to watch; every watcher must be given back to `leave`."""
        watcher = Watcher()
        self._watchers.setdefault(run_id, []).append(watcher)
        return watcher

    def leave(self, run_id: str, watcher: Watcher) -> None:
        watchers = self._watchers.get(run_id, [])
        if watcher in watchers:
            watchers.remove(watcher)
        if not watchers:
            self._watchers.pop(run_id, None)

    def publish(self, run_id: str, frame: JsonObject) -> None:
        for watcher in self._watchers.get(run_id, ()):
            watcher.add(frame)

    def close(self, run_id: str) -> None:
        for watcher in self._watchers.get(run_id, ()):
            watcher.close()

    def close_all(self) -> None:
        """Nothing more will be shown: the process stops."""
        for run_id in tuple(self._watchers):
            self.close(run_id)


@dataclass(frozen=True, slots=True)
class LiveCall:
    """The `Live` of one call."""

    hub: LiveHub
    run_id: str
    key: str

    def text(self, delta: str) -> None:
        self.hub.publish(self.run_id, {"type": "delta", "key": self.key, "text": delta})

    def reset(self) -> None:
        self.hub.publish(self.run_id, {"type": "delta_reset", "key": self.key})
