"""What workspaces and projects may be called, when they are there, and who may do what in them. Pure."""

from enum import StrEnum

from folkmoot.kernel.scope import Role

DEFAULT = "default"

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class TenantStatus(StrEnum):
    """One that is `deleting` is gone for every caller; its rows are on their way out."""

    ACTIVE = "active"
    DELETING = "deleting"


def slug_of_the_gone(id: str) -> str:
    """What one that is being deleted is called: no slug that anybody could ask for, so that its own is free."""
    return f"-{id}"


def role_of(word: str) -> Role:
    """The role that rows and the wire have as this word. Raises KeyError."""
    return Role[word.upper()]


def role_for(method: str | None) -> Role:
    """The role that a call needs which asks for no other; sockets, which have no method, only show things."""
    return Role.VIEWER if method is None or method in SAFE_METHODS else Role.MEMBER
