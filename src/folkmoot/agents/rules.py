"""Agents' statuses, numbers and slugs. Pure."""

import re
from collections.abc import Collection
from enum import StrEnum

from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.slugs import SLUG_LENGTH, free_slug, slug_from

FIRST_NUMBER = 4
"""Numbers below it are the core agents', whenever they are made."""

CORE = ("driver", "creator", "generator")
"""The core agents' slugs, in the order of their numbers."""

CORE_SLUGS = frozenset(CORE)
RESERVED_SLUGS = CORE_SLUGS | {"definitions", "create", "task", "stream", "new"}

_NUMBER = re.compile(r"[0-9]{1,16}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LIKE_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")


class AgentStatus(StrEnum):
    IDLE = "idle"
    INITIALIZING = "initializing"
    ACTIVE = "active"
    BUSY = "busy"
    ERROR = "error"
    OFFLINE = "offline"


_S = AgentStatus
TRANSITIONS: dict[AgentStatus, frozenset[AgentStatus]] = {
    _S.IDLE: frozenset({_S.INITIALIZING, _S.ACTIVE, _S.OFFLINE, _S.ERROR}),
    _S.INITIALIZING: frozenset({_S.ACTIVE, _S.ERROR, _S.OFFLINE}),
    _S.ACTIVE: frozenset({_S.BUSY, _S.IDLE, _S.ERROR, _S.OFFLINE}),
    _S.BUSY: frozenset({_S.ACTIVE, _S.IDLE, _S.ERROR, _S.OFFLINE}),
    _S.ERROR: frozenset({_S.IDLE, _S.ACTIVE, _S.OFFLINE}),
    _S.OFFLINE: frozenset({_S.IDLE, _S.INITIALIZING, _S.ACTIVE}),
}
"""What may be asked for; the same status again is no change. What a hook's end leads to is not asked for."""

_BUSY_OVER = frozenset({_S.IDLE, _S.ACTIVE})
_NOT_BY_A_HOST = frozenset({_S.ERROR, _S.OFFLINE})


class IllegalAgentStatus(Conflict):
    """An agent cannot go from this status to that one"""


def lifecycle_status(stored: str, *, is_gone: bool = False) -> AgentStatus:
    """What lies beneath busy: `is_gone` says that the process an agent lives in has not been seen for long."""
    status = AgentStatus(stored)
    return AgentStatus.OFFLINE if is_gone and status not in _NOT_BY_A_HOST else status


def shown_status(stored: str, running_runs: int, *, is_gone: bool = False) -> str:
    """The lifecycle with offline and busy laid over it."""
    beneath = lifecycle_status(stored, is_gone=is_gone)
    return AgentStatus.BUSY if running_runs > 0 and beneath in _BUSY_OVER else beneath


def is_change(before: AgentStatus, shown: str, wanted: AgentStatus) -> bool:
    """Whether a requested status is another one. Raises IllegalAgentStatus where it cannot be reached."""
    if wanted == before or wanted == shown == AgentStatus.BUSY:
        return False
    if wanted not in TRANSITIONS[before]:
        raise IllegalAgentStatus(f"An agent cannot go from {before} to {wanted}", current=before, requested=wanted)
    return True


def as_number(ref: str) -> int | None:
    """The agent number a reference is, None where it is none."""
    return int(ref) if _NUMBER.fullmatch(ref) else None


def is_slug(text: str) -> bool:
    return _SLUG.fullmatch(text) is not None


def is_name_of_class(slug: str) -> bool:
    """Whether a class may be registered under this slug: one that could not be taken for a number, an id or a word."""
    return is_slug(slug) and not _is_like_a_reference(slug) and slug not in RESERVED_SLUGS - CORE_SLUGS


def _is_like_a_reference(slug: str) -> bool:
    return as_number(slug) is not None or slug.isdecimal() or is_id(slug) or _LIKE_UUID.fullmatch(slug) is not None


def slug_of(name: str, taken: Collection[str]) -> str:
    """A free slug derived from a name: never a number, a UUID or a reserved word."""
    slug = slug_from(name)
    if not slug or _is_like_a_reference(slug):
        slug = f"agent-{slug}"[:SLUG_LENGTH].strip("-")
    return free_slug(slug, {*taken, *RESERVED_SLUGS})
