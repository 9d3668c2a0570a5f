"""The workspace a request speaks about, by its selectors (`Here`) or its path (`There`), for whom his role lets in.

Which role an operation needs is said by the dependency it uses, and nowhere else: docs/roles.md is read off it.
"""

from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from folkmoot.accounts.deps import Known, caller_of, known
from folkmoot.accounts.rules import Caller
from folkmoot.kernel.errors import BadRequest, Forbidden
from folkmoot.kernel.scope import Role, Scope
from folkmoot.workspaces.above import RoomsAbove
from folkmoot.workspaces.lookup import Selector, Standing, WorkspaceLookup
from folkmoot.workspaces.rules import role_for
from folkmoot.workspaces.stay import Stay, Stays

SELECTORS = (
    ("header", "x-workspace-id"),
    ("header", "x-workspace-slug"),
    ("query", "workspace_id"),
    ("query", "workspace_slug"),
)

WorkspaceId = Annotated[str, Path(max_length=255, description="The workspace's id")]
UserId = Annotated[str, Path(max_length=255, description="The user's id")]


class SelectorsDisagree(BadRequest):
    """The workspace selectors name different workspaces"""


class KeyIsNarrow(Forbidden):
    """The API key is for less than this"""


class Entry:
    """A way into a workspace, for callers whose role there is the needed one or a higher.

    Where it names none, a member may come in, and a viewer to look.
    """

    def __init__(self, needed: Role | None = None) -> None:
        self.needed = needed

    def role_for(self, method: str | None) -> Role:
        return self.needed or role_for(method)

    def let_in(self, connection: HTTPConnection, standing: Standing) -> Standing:
        """Raises RoleTooLow."""
        standing.require(self.role_for(connection.scope.get("method")))
        return standing


class Selected(Entry):
    """By header or query; without a selector the caller's default workspace.

    The selectors are read by hand: as parameters of a dependency they were a tenth of a message's cost.
    """

    openapi_parameters = tuple(
        {
            "name": name,
            "in": place,
            "required": False,
            "schema": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": name.title()},
            "description": f"Workspace by {name[-4:].strip('-_')}",
        }
        for place, name in SELECTORS
    )

    async def __call__(self, connection: HTTPConnection) -> Scope:
        """Raises NoSuchWorkspace, RoleTooLow, and SelectorsDisagree where two name different workspaces."""
        caller, lookup = caller_of(connection), lookup_of(connection)
        selectors = _selectors(connection)
        standing = await lookup.stand(caller, selectors[0] if selectors else None)
        for other in selectors[1:]:
            if await lookup.stand(caller, other) != standing:
                raise SelectorsDisagree
        return self.let_in(connection, standing).scope


def _selectors(connection: HTTPConnection) -> list[Selector]:
    """All that the request gives; those by id come first."""
    given = connection.headers
    query = connection.query_params if connection.scope["query_string"] else {}
    found = [(name, query.get(name) if place == "query" else given.get(name)) for place, name in SELECTORS]
    ids: list[Selector] = [("id", value.lower()) for name, value in found if value and name.endswith("id")]
    return [*ids, *(("slug", value) for name, value in found if value and name.endswith("slug"))]


class Named(Entry):
    """By the path."""

    async def __call__(self, connection: HTTPConnection, workspace_id: WorkspaceId) -> Standing:
        """Raises NoSuchWorkspace, RoleTooLow."""
        found = await lookup_of(connection).stand(await known(connection), ("id", workspace_id.lower()))
        return self.let_in(connection, found)


class NamedByMember(Entry):
    """By the path, for what one may do to one's own membership whatever one's role is."""

    async def __call__(self, connection: HTTPConnection, workspace_id: WorkspaceId, user_id: UserId) -> Standing:
        """Raises NoSuchWorkspace, RoleTooLow."""
        caller = await known(connection)
        found = await lookup_of(connection).stand(caller, ("id", workspace_id.lower()))
        is_own = user_id.lower() == caller.actor.id and caller.at_most >= Role.MEMBER
        return found if is_own else self.let_in(connection, found)


here = Selected()
Here = Annotated[Scope, Depends(here)]
HereAsAdmin = Annotated[Scope, Depends(Selected(Role.ADMIN))]
HereAsOwner = Annotated[Scope, Depends(Selected(Role.OWNER))]

There = Annotated[Standing, Depends(Named())]
ThereAsAdmin = Annotated[Standing, Depends(Named(Role.ADMIN))]
ThereAsOwner = Annotated[Standing, Depends(Named(Role.OWNER))]
ThereAsMemberOrAdmin = Annotated[Standing, Depends(NamedByMember(Role.ADMIN))]


async def with_whole_credential(caller: Known) -> Caller:
    """The caller, for what is done in no workspace: a key that only reads, or is for one, is not enough.

    Raises NotAuthenticated, KeyIsNarrow.
    """
    if caller.at_most < Role.MEMBER or caller.workspace_id is not None:
        raise KeyIsNarrow
    return caller


Founder = Annotated[Caller, Depends(with_whole_credential)]


def lookup_of(connection: HTTPConnection) -> WorkspaceLookup:
    lookup: WorkspaceLookup = connection.app.state.workspaces
    return lookup


async def _above(connection: HTTPConnection) -> RoomsAbove:
    above: RoomsAbove = connection.app.state.rooms_above
    return above


async def _lookup(connection: HTTPConnection) -> WorkspaceLookup:
    return lookup_of(connection)


class Stayed(Selected):
    """As `Selected`, for what stays open: it ends when the caller may no longer be here."""

    async def __call__(self, connection: HTTPConnection) -> Stay:  # type: ignore[override]
        """Raises what `Selected` does."""
        stays: Stays = connection.app.state.stays
        return stays.stay(caller_of(connection), await super().__call__(connection))


staying = Stayed()
Above = Annotated[RoomsAbove, Depends(_above)]
Lookup = Annotated[WorkspaceLookup, Depends(_lookup)]
Staying = Annotated[Stay, Depends(staying)]
