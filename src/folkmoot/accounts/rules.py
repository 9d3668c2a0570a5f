"""Who a caller is and what a key may be for. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from folkmoot.kernel.scope import LOCAL_OWNER_ID, Actor, Role

CredentialKind = Literal["local", "operator", "session", "api_key", "metrics"]


class KeyScope(StrEnum):
    """What an API key may be used for; its user's own role stays the bound."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request is from, and by which credential.

    `credential_id` is the session's family or the key; `at_most` is what the key's scopes leave of any role, and
    `workspace_id` the one workspace it is for. `is_admin` manages the installation's users and reads its state.
    """

    actor: Actor
    credential: CredentialKind
    credential_id: str = ""
    is_admin: bool = False
    at_most: Role = Role.OWNER
    workspace_id: str | None = None

    @property
    def is_everywhere(self) -> bool:
        """Owner of every workspace without being a member: the local owner, and whoever holds the admin token."""
        return self.actor.id == LOCAL_OWNER_ID


LOCAL_OWNER = Caller(Actor("user", LOCAL_OWNER_ID, "local owner"), "local", is_admin=True)
OPERATOR = Caller(Actor("user", LOCAL_OWNER_ID, "operator"), "operator", is_admin=True)
METRICS_READER = Caller(Actor("system", "metrics", "metrics"), "metrics", at_most=Role.VIEWER)
"""Whoever holds METRICS_TOKEN: reads the installation's state, is a member of nothing."""


def role_left(scopes: list[str]) -> Role:
    """The highest role a key with these scopes can act in."""
    if KeyScope.ADMIN in scopes:
        return Role.OWNER
    return Role.MEMBER if KeyScope.WRITE in scopes else Role.VIEWER
