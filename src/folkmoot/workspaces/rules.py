"""What workspaces and projects may be called, when they are there, and who may do what in them. Pure."""

import re
import unicodedata
from collections.abc import Collection
from enum import StrEnum

from folkmoot.kernel.scope import Role

DEFAULT = "default"
SLUG_LENGTH = 63

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_NOT_SLUG = re.compile(r"[^a-z0-9]+")


class TenantStatus(StrEnum):
    """One that is `deleting` is gone for every caller; its rows are on their way out."""

    ACTIVE = "active"
    DELETING = "deleting"


def slug_from(name: str, otherwise: str) -> str:
    """A name as a slug; `otherwise` where nothing of it can stand in one."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _NOT_SLUG.sub("-", plain).strip("-")[:SLUG_LENGTH].strip("-") or otherwise


def free_slug(slug: str, taken: Collection[str]) -> str:
    """The slug, with the first number behind it that makes it free."""
    candidate, number = slug, 1
    while candidate in taken:
        number += 1
        ending = f"-{number}"
        candidate = f"{slug[: SLUG_LENGTH - len(ending)].rstrip('-')}{ending}"
    return candidate


def slug_of_the_gone(id: str) -> str:
    """What one that is being deleted is called: no slug that anybody could ask for, so that its own is free."""
    return f"-{id}"


def role_of(word: str) -> Role:
    """The role that rows and the wire have as this word. Raises KeyError."""
    return Role[word.upper()]


def role_for(method: str | None) -> Role:
    """The role that a call needs which asks for no other; sockets, which have no method, only show things."""
    return Role.VIEWER if method is None or method in SAFE_METHODS else Role.MEMBER
