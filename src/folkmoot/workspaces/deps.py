"""`Here`: the workspace a request speaks about, resolved from its selectors."""

from typing import Annotated

from fastapi import Depends, Header, Query
from starlette.requests import HTTPConnection

from folkmoot.kernel.errors import BadRequest
from folkmoot.kernel.scope import Scope
from folkmoot.workspaces.lookup import Selector, WorkspaceLookup
from folkmoot.workspaces.service import RoomsAbove


class SelectorsDisagree(BadRequest):
    """The workspace selectors name different workspaces"""


async def here(
    connection: HTTPConnection,
    x_workspace_id: Annotated[str | None, Header(description="Workspace by id")] = None,
    x_workspace_slug: Annotated[str | None, Header(description="Workspace by slug")] = None,
    workspace_id: Annotated[str | None, Query(description="Workspace by id")] = None,
    workspace_slug: Annotated[str | None, Query(description="Workspace by slug")] = None,
) -> Scope:
    """The Scope of the request; without a selector the default workspace.

    Raises NoSuchWorkspace, and SelectorsDisagree where two of them name different workspaces.
    """
    lookup: WorkspaceLookup = connection.app.state.workspaces
    selectors: dict[Selector, None] = {}
    for value in (x_workspace_id, workspace_id):
        if value:
            selectors[("id", value.lower())] = None
    for value in (x_workspace_slug, workspace_slug):
        if value:
            selectors[("slug", value)] = None
    if not selectors:
        return await lookup.find()
    scopes = {await lookup.find(selector) for selector in selectors}
    if len(scopes) > 1:
        raise SelectorsDisagree
    return scopes.pop()


Here = Annotated[Scope, Depends(here)]


async def _above(connection: HTTPConnection) -> RoomsAbove:
    above: RoomsAbove = connection.app.state.rooms_above
    return above


async def _lookup(connection: HTTPConnection) -> WorkspaceLookup:
    lookup: WorkspaceLookup = connection.app.state.workspaces
    return lookup


Above = Annotated[RoomsAbove, Depends(_above)]
Lookup = Annotated[WorkspaceLookup, Depends(_lookup)]
