"""Following: the frames of what a caller follows, as many at once as are at hand, whatever carries them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace

from folkmoot.events.follow import EventHub, Follower, Sees
from folkmoot.events.frames import Frame
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.realtime.channels import Followed, Part
from folkmoot.realtime.places import View
from folkmoot.runs.stream import seen_by, subscribed

Cursors = Mapping[str, int]
"""By workspace id."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames of one workspace in order; what is no Frame is a control frame."""

    items: Sequence[Frame | JsonObject]
    workspace_id: str = ""


def sees(hub: EventHub, part: Part) -> Sees:
    """Of which rooms the caller is told, but for those that were dropped."""
    shown = seen_by(hub.db, part.scope)

    async def seen(rooms: frozenset[str]) -> frozenset[str]:
        return await shown(rooms - part.dropped)

    return seen


async def follow(hub: EventHub, channel: str, part: Part, after: int | None) -> AsyncGenerator[Batch, None]:
    """`subscribed`, then frames with seq > after (None: only new ones), until the server goes down."""
    workspace_id = part.scope.workspace_id
    async with hub.follow(workspace_id, after, part.selection, sees(hub, part)) as follower:
        yield Batch([subscribed(channel, follower)], workspace_id)
        while frames := await follower.some():
            yield Batch(frames, workspace_id)


@dataclass(slots=True)
class Leg:
    """One of several logs that are followed together."""

    follower: Follower
    stack: AsyncExitStack
    waiting: asyncio.Task[list[Frame]] | None = None


class Legs:
    """Several logs on one stream: each in its own order, and none waits for another."""

    def __init__(self, hub: EventHub, supervisor: Supervisor, channel: str) -> None:
        self._hub = hub
        self._supervisor = supervisor
        self._channel = channel
        self._legs: dict[str, Leg] = {}

    async def add(self, parts: list[Part], after: Cursors) -> JsonObject:
        """Begin to follow these; answers what `subscribed` says of them."""
        for part in parts:
            workspace_id, stack = part.scope.workspace_id, AsyncExitStack()
            following = self._hub.follow(workspace_id, after.get(workspace_id), part.selection, sees(self._hub, part))
            self._legs[workspace_id] = Leg(await stack.enter_async_context(following), stack)
        added = {part.scope.workspace_id: self._legs[part.scope.workspace_id].follower for part in parts}
        return {
            "type": "subscribed",
            "channel": self._channel,
            "after": {key: follower.after for key, follower in added.items()},
            "oldest": {key: follower.oldest for key, follower in added.items()},
            "latest": {key: follower.latest for key, follower in added.items()},
            "reset": any(follower.reset for follower in added.values()),
        }

    async def remove(self, workspace_id: str) -> None:
        leg = self._legs.pop(workspace_id)
        if leg.waiting is not None:
            leg.waiting.cancel()
            await asyncio.gather(leg.waiting, return_exceptions=True)
        await leg.stack.aclose()

    async def change(self, view: View, here: Scope) -> JsonObject | None:
        """Follow what the view shows and nothing else; answers `subscribed` of what was joined."""
        for gone in self._legs.keys() - view.ids:
            await self.remove(gone)
        joined = sorted(view.ids - self._legs.keys())
        return await self.add([Part(replace(here, workspace_id=id)) for id in joined], {}) if joined else None

    async def some(self, others: set[asyncio.Task[None]]) -> list[Batch]:
        """Frames of one log or more; nothing where another of these tasks ended first, or the server goes down."""
        for leg in self._legs.values():
            if leg.waiting is None:
                leg.waiting = self._supervisor.start(leg.follower.some(), "next events")
        waited = {leg.waiting for leg in self._legs.values() if leg.waiting is not None}
        await asyncio.wait({*waited, *others}, return_when=asyncio.FIRST_COMPLETED)
        found = []
        for workspace_id, leg in self._legs.items():
            if leg.waiting is not None and leg.waiting.done():
                # they may have lain here for as long as the client took what came before
                found.append(Batch(await leg.follower.seen(leg.waiting.result()), workspace_id))
                leg.waiting = None
        return found

    async def close(self) -> None:
        for workspace_id in tuple(self._legs):
            await self.remove(workspace_id)


async def follow_several(
    hub: EventHub, supervisor: Supervisor, followed: Followed, after: Cursors
) -> AsyncGenerator[Batch, None]:
    """As `follow`, of several workspaces: cursors are by workspace id."""
    legs = Legs(hub, supervisor, followed.name)
    try:
        yield Batch([await legs.add([*followed.parts], after)])
        while not hub.closed:
            for batch in await legs.some(set()):
                yield batch
    finally:
        await legs.close()


async def follow_all(
    hub: EventHub, supervisor: Supervisor, view: View, here: Scope, after: Cursors
) -> AsyncGenerator[Batch, None]:
    """As `follow_several`, of all that the view shows; each that is joined later has a `subscribed` of its own."""
    legs = Legs(hub, supervisor, "all")
    changed = supervisor.start(view.changed(), "workspaces change")
    try:
        yield Batch([await legs.add([Part(replace(here, workspace_id=id)) for id in sorted(view.ids)], after)])
        while not hub.closed:
            for batch in await legs.some({changed}):
                yield batch
            if changed.done():
                changed = supervisor.start(view.changed(), "workspaces change")
                if (joined := await legs.change(view, here)) is not None:
                    yield Batch([joined])
    finally:
        changed.cancel()
        await legs.close()


async def one_by_one(items: AsyncGenerator[Frame | JsonObject, None]) -> AsyncGenerator[Batch, None]:
    """Each item as a batch of its own."""
    async with aclosing(items):
        async for item in items:
            yield Batch([item])
