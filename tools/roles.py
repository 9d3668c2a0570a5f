"""Who may call what, read off the dependencies of the routes: docs/roles.md and its test (`make docs`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts

from folkmoot.accounts.deps import administrator, known, state_reader
from folkmoot.accounts.door import is_open
from folkmoot.app import create_app
from folkmoot.kernel.scope import Role
from folkmoot.kernel.settings import Settings
from folkmoot.workspaces.deps import Entry, NamedByMember, with_whole_credential

PAGE = """\
# Who may do what

A user is a member of a workspace in one of four roles, each of which may all that those before it may: viewer,
member, admin, owner. Whoever lacks the role is answered 403 `role_too_low`, which names the role that is needed;
whoever is no member is answered 404, as if the workspace did not exist. An API key acts as its user in at most the role
that its scopes leave: `read` a viewer, `write` a member, `admin` the user's own. The local owner and the holder of the
admin token are owners everywhere. Written by `make docs`.

Besides what the table says: only owners make, invite, change and remove owners; the last owner stays; everybody may
leave, whatever the role.

## In a workspace

| operation | call | viewer | member | admin | owner |
|---|---|---|---|---|---|
{in_workspace}

## Outside of workspaces

A key that only reads, or is for one workspace, does nothing of what says *not with a narrow key*. What changes an
account or its keys needs a login: no API key does it.

| operation | call | who |
|---|---|---|
{outside}
"""

_WHO = {
    administrator: "administrators of the installation",
    state_reader: "administrators, and the holder of METRICS_TOKEN",
    with_whole_credential: "everybody who is logged in; not with a narrow key",
    known: "everybody who is logged in",
}


@dataclass(frozen=True)
class Access:
    """What an operation needs: a role in a workspace, or to be `who` says."""

    operation: str
    method: str
    path: str
    needed: Role | None
    is_own_free: bool
    who: str


@cache
def accesses() -> tuple[Access, ...]:
    """Of every operation and socket, by path."""
    app = create_app(Settings(_env_file=None))
    found = [
        _access(context.path or "", context.original_route, method)
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute | APIWebSocketRoute)
        and getattr(context.original_route, "include_in_schema", True)
        for method in sorted(context.methods or ("WS",))
    ]
    return tuple(sorted(found, key=lambda access: (access.path, access.method)))


def _access(path: str, route: APIRoute | APIWebSocketRoute, method: str) -> Access:
    calls = [*_calls(route.dependant)]
    entries = [call for call in calls if isinstance(call, Entry)]
    needed = max((entry.role_for(None if method == "WS" else method) for entry in entries), default=None)
    is_own_free = any(isinstance(entry, NamedByMember) for entry in entries)
    who = next((who for call, who in _WHO.items() if call in calls), "everybody who is logged in")
    return Access(route.name, method, path, needed, is_own_free, "everybody" if is_open(path) else who)


def _calls(dependant: Dependant) -> Iterator[object]:
    for part in dependant.dependencies:
        yield part.call
        yield from _calls(part)


def roles_page() -> str:
    inside = [
        f"| `{access.operation}` | `{access.method} {access.path}` | {_marks(access)} |"
        for access in accesses()
        if access.needed is not None
    ]
    outside = [
        f"| `{access.operation}` | `{access.method} {access.path}` | {access.who} |"
        for access in accesses()
        if access.needed is None
    ]
    return PAGE.format(in_workspace="\n".join(inside), outside="\n".join(outside))


def _marks(access: Access) -> str:
    no = "oneself" if access.is_own_free else ""
    return " | ".join("yes" if access.needed is not None and role >= access.needed else no for role in Role)
