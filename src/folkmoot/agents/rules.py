"""Agents' statuses, numbers and slugs. Pure."""

import re
import unicodedata
from collections.abc import Collection
from enum import StrEnum

from folkmoot.kernel.ids import is_id

FIRST_NUMBER = 4
"""Numbers below it are the core agents', whenever they are made."""

CORE_SLUGS = frozenset({"driver", "creator", "generator"})
RESERVED_SLUGS = CORE_SLUGS | {"definitions", "create", "task", "stream", "new"}
SLUG_LENGTH = 63
LARGEST_NUMBER = 2**53

_NUMBER = re.compile(r"[0-9]{1,16}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_LIKE_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")


class AgentStatus(StrEnum):
    IDLE = "idle"
    INITIALIZING = "initializing"
    ACTIVE = "active"
    BUSY = "busy"
    ERROR = "error"
    OFFLINE = "offline"


_BUSY_OVER = frozenset({AgentStatus.IDLE, AgentStatus.ACTIVE})


def shown_status(stored: str, running_runs: int) -> str:
    """The lifecycle with busy laid over it."""
    return AgentStatus.BUSY if running_runs > 0 and stored in _BUSY_OVER else stored


def as_number(ref: str) -> int | None:
    """The agent number a reference is, None where it is none."""
    return int(ref) if _NUMBER.fullmatch(ref) else None


def is_slug(text: str) -> bool:
    return _SLUG.fullmatch(text) is not None


def slug_of(name: str, taken: Collection[str]) -> str:
    """A free slug derived from a name: never a number, a UUID or a reserved word."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = _NOT_SLUG.sub("-", plain).strip("-")[:SLUG_LENGTH].strip("-")
    if not slug or as_number(slug) is not None or slug.isdecimal() or is_id(slug) or _LIKE_UUID.fullmatch(slug):
        slug = f"agent-{slug}"[:SLUG_LENGTH].strip("-")
    candidate, number = slug, 1
    while candidate in taken or candidate in RESERVED_SLUGS:
        number += 1
        ending = f"-{number}"
        candidate = f"{slug[: SLUG_LENGTH - len(ending)].rstrip('-')}{ending}"
    return candidate
