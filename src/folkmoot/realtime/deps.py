"""What routes of streams ask for: the channels a caller may follow, and what it takes to follow them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Depends, Query
from starlette.requests import HTTPConnection

from folkmoot.accounts.deps import Known
from folkmoot.accounts.rules import Caller
from folkmoot.events.rules import AnyOf, Selection
from folkmoot.http.deps import Process
from folkmoot.kernel.json import LARGEST_INTEGER
from folkmoot.kernel.scope import Scope
from folkmoot.realtime.channels import Followed, Part, resolve
from folkmoot.realtime.company import Company
from folkmoot.realtime.limits import SocketRules
from folkmoot.realtime.places import Places, View
from folkmoot.realtime.staying import Lost, Over, first, until_nowhere, until_out, until_out_of_rooms
from folkmoot.realtime.streams import Batch, Cursors, follow, follow_all, follow_several
from folkmoot.runtime import Runtime
from folkmoot.workspaces.deps import Here, Lookup
from folkmoot.workspaces.lookup import WorkspaceLookup
from folkmoot.workspaces.stay import End, Stays

CURSOR_LENGTH = 32_768


@dataclass(frozen=True, slots=True)
class Visit:
    """A caller in a workspace who is about to follow something."""

    process: Runtime
    caller: Caller
    here: Scope
    stays: Stays
    places: Places
    company: Company
    lookup: WorkspaceLookup

    def follow(
        self, channel: str, selection: Selection | AnyOf, after: int | None, *, is_announced: bool = True
    ) -> AsyncGenerator[Batch, None]:
        """A part of this workspace's log; `subscribed` comes first where it is announced."""
        batches = follow(self.process.hub, channel, Part(self.here, selection), after)
        return batches if is_announced else _unannounced(batches)

    def until_out(self, room_id: str | None = None) -> Over:
        """Until the caller may no longer be here, or in the room."""
        return until_out(self.stays, self.process.supervisor, self.caller, [self.here], room_id)

    async def join(self, followed: Followed, after: Cursors) -> "Joined":
        """Raises what the database raises."""
        view = await self.places.look(self.caller) if followed.is_all else None
        return Joined(self, followed, after, view)


async def _quietly(_room_id: str, _end: End) -> None:
    """Who has named no room has none to lose."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Channels on the point of being followed; `view` shows the workspaces of whoever follows all of his."""

    visit: Visit
    followed: Followed
    after: Cursors
    view: View | None

    async def batches(self) -> AsyncGenerator[Batch, None]:
        visit, followed = self.visit, self.followed
        hub, supervisor = visit.process.hub, visit.process.supervisor
        if self.view is not None:
            with visit.places.watched(self.view):
                async with aclosing(follow_all(hub, supervisor, self.view, visit.here, self.after)) as batches:
                    async for batch in batches:
                        yield batch
            return
        if followed.is_single:
            [part] = followed.parts
            found = follow(hub, followed.name, part, self.after.get(part.scope.workspace_id))
        else:
            found = follow_several(hub, supervisor, followed, self.after)
        async with aclosing(found) as batches:
            async for batch in batches:
                yield batch

    def until_out(self, lost: Lost = _quietly) -> Over:
        """Until nothing of it may be followed; `lost` is told of rooms that may not, where something else still is."""
        if not self.followed.rooms:
            return self._until_out()
        return first(self.visit.process.supervisor, self._until_out, partial(self._until_out_of_rooms, lost))

    def _until_out(self) -> Over:
        visit = self.visit
        if self.view is not None:
            return until_nowhere(visit.stays, visit.caller, visit.here, self.view)
        scopes = [part.scope for part in self.followed.parts]
        return until_out(visit.stays, visit.process.supervisor, visit.caller, scopes)

    def _until_out_of_rooms(self, lost: Lost) -> Over:
        visit = self.visit
        supervisor = visit.process.supervisor
        return until_out_of_rooms(visit.stays, supervisor, visit.caller, visit.here, self.followed, lost)

    async def left(self, lost: Lost) -> None:
        """As until_out, for whom the reason is nothing."""
        await self.until_out(lost)


async def _unannounced(batches: AsyncGenerator[Batch, None]) -> AsyncGenerator[Batch, None]:
    async with aclosing(batches):
        await anext(batches)
        async for batch in batches:
            yield batch


async def _rules(connection: HTTPConnection) -> SocketRules:
    rules: SocketRules = connection.app.state.socket_rules
    return rules


async def _visit(connection: HTTPConnection, process: Process, caller: Known, here: Here) -> Visit:
    state = connection.app.state
    return Visit(process, caller, here, state.stays, state.places, state.company, state.workspaces)


async def _followed(
    process: Process,
    caller: Known,
    here: Here,
    lookup: Lookup,
    channels: Annotated[
        str | None,
        Query(
            max_length=8000,
            description="Comma-separated: agent:{id}, agents, task:{id}, run:{id}, room:{id}, debate:{id}, "
            "workspace:{id}, all; by default all of the workspace",
        ),
    ] = None,
) -> Followed:
    """Raises BadChannel, TooManyChannels, NoSuchWorkspace and what the things' rooms say of those not there."""
    names = [] if channels is None else channels.split(",")
    return await resolve(process.db, lookup, caller, here, names)


Rules = Annotated[SocketRules, Depends(_rules)]
Visiting = Annotated[Visit, Depends(_visit)]
Following = Annotated[Followed, Depends(_followed)]
After = Annotated[
    int | None, Query(ge=0, le=LARGEST_INTEGER, description="Go on after this seq; without it only with what is new")
]
Afters = Annotated[
    str | None,
    Query(
        max_length=CURSOR_LENGTH,
        description="Go on after this seq, or where several workspaces are followed after those of a JSON object by "
        "workspace id; without it only with what is new",
    ),
]
