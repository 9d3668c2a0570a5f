"""The channels that a client of Socket.IO follows: asked for by name, kept by workspace."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from folkmoot.events.rules import AnyOf, Selection
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.kernel.scope import Scope
from folkmoot.realtime.channels import Followed, Part, cursors, parse, resolve
from folkmoot.realtime.places import View
from folkmoot.realtime.socketio_client import Client
from folkmoot.realtime.socketio_rooms import JoinedRooms

_ALL = "all"


class Subscriptions:
    """Of one client."""

    def __init__(self, client: Client) -> None:
        self.rooms = JoinedRooms(client)
        self._client = client
        self._all: asyncio.Task[None] | None = None

    async def subscribe(self, names: list[str], after: int | dict[str, int] | None) -> list[JsonObject]:
        """Raises what a channel or cursor is refused for."""
        names = [*dict.fromkeys(name.strip() for name in names)]
        parse([*{name for line in self._client.lines.values() for name in line.wants} | set(names)])
        ground, found = self._client.ground, dict[str, Followed]()
        for name in names:
            found[name] = await resolve(ground.db, ground.lookup, self._client.caller, self._client.scope, [name])
        wanted: dict[str, dict[str, Selection | AnyOf]] = {}
        scopes: dict[str, Scope] = {}
        for name, followed in found.items():
            for part in followed.parts:
                wanted.setdefault(part.scope.workspace_id, {})[name] = part.selection
                scopes[part.scope.workspace_id] = part.scope
        whole = Followed("", tuple(map(Part, scopes.values())), is_all=_ALL in found)
        begins = cursors(None if after is None else dumps(after), whole)
        said = [
            await self._client.line(scopes[workspace_id]).add(channels, begins.get(workspace_id))
            for workspace_id, channels in wanted.items()
        ]
        self.rooms.join({name: followed.rooms for name, followed in found.items()})
        return [*said, *(await self._follow_all(begins) if whole.is_all else ())]

    async def _follow_all(self, after: Mapping[str, int]) -> list[JsonObject]:
        view = await self._client.ground.places.look(self._client.caller)
        said = [await self._also(workspace_id, after.get(workspace_id)) for workspace_id in sorted(view.ids)]
        if self._all is not None:
            self._all.cancel()
        self._all = self._client.start(self._keep_all(view))
        return said

    async def _also(self, workspace_id: str, after: int | None) -> JsonObject:
        return await self._client.line(replace(self._client.scope, workspace_id=workspace_id)).add(
            {_ALL: Selection()}, after
        )

    async def _keep_all(self, view: View) -> None:
        """Whatever workspace the caller gets to see later is followed too."""
        known = view.ids
        with self._client.ground.places.watched(view):
            while True:
                await view.changed()
                for workspace_id in sorted(view.ids - known):
                    await self._also(workspace_id, None)
                known = view.ids

    def unsubscribe(self, names: list[str]) -> None:
        """Channels that were not followed are no mistake."""
        gone = {name.strip() for name in names}
        if _ALL in gone and self._all is not None:
            self._all.cancel()
            self._all = None
        for line in tuple(self._client.lines.values()):
            line.wants = {name: want for name, want in line.wants.items() if name not in gone}
            is_home = line.scope.workspace_id == self._client.scope.workspace_id
            if not line.wants and not is_home and line.task is not None:
                line.task.cancel()
        self.rooms.part(gone)
