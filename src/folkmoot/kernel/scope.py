"""Who acts, and where: every query takes a Scope, so no row is reached by its id alone."""

from enum import IntEnum
from typing import Literal

from folkmoot.kernel.values import fixed

ActorKind = Literal["user", "agent", "system"]


class Role(IntEnum):
    """What somebody may do in a workspace; each may all that those before it may."""

    VIEWER = 1
    MEMBER = 2
    ADMIN = 3
    OWNER = 4

    @property
    def word(self) -> str:
        """As rows and the wire have it."""
        return self.name.lower()


@fixed
class Actor:
    """Who acts; `address` is the network address the call came from, where there was one."""

    kind: ActorKind
    id: str
    name: str
    address: str | None = None


@fixed
class Scope:
    """One workspace and, in it, the project that new things are put into."""

    workspace_id: str
    project_id: str
    actor: Actor


LOCAL_OWNER_ID = "local"
"""The user id of whoever may do everything without an account: the local owner, and the holder of the admin token."""

SYSTEM = Actor(kind="system", id="system", name="Folkmoot")
