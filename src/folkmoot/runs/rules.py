"""The statuses of a run, what each may become, and who comes first. Pure."""

from enum import StrEnum

from folkmoot.kernel.errors import Conflict


class RunStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    AWAITING_APPROVAL = "awaiting_approval"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"


class WaitingFor(StrEnum):
    """What a run that is not running waits for; none of these holds a worker."""

    ADMISSION = "admission"
    START = "start"
    TIME = "time"
    CHILD = "child"
    CONVERSATION = "conversation"
    PERSON = "person"
    BUDGET = "budget"
    OPERATOR = "operator"


STANDING = frozenset({RunStatus.PAUSED, RunStatus.AWAITING_APPROVAL})
"""Statuses in which nothing happens until somebody does something."""

FINAL = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.TIMEOUT})
RESTS_ON = frozenset({WaitingFor.TIME, WaitingFor.CHILD, WaitingFor.PERSON})
"""What a run waits for that has begun and goes on by itself once it has come."""

_S = RunStatus
TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    _S.PENDING: frozenset({_S.RUNNING, _S.PAUSED, _S.FAILED, _S.CANCELLED, _S.TIMEOUT}),
    _S.RUNNING: frozenset({_S.PENDING, _S.PAUSED, _S.AWAITING_APPROVAL, *FINAL}),
    _S.PAUSED: frozenset({_S.PENDING, _S.FAILED, _S.CANCELLED}),
    _S.AWAITING_APPROVAL: frozenset({_S.PENDING, _S.CANCELLED}),
    **{status: frozenset() for status in FINAL},
}

PRIORITIES = {"low": 0, "normal": 1, "high": 2, "urgent": 3}
PRIORITY_NAMES = {number: name for name, number in PRIORITIES.items()}

CALL_LIMIT = 200
"""Calls of a language model that one run may make."""


class IllegalTransition(Conflict):
    """The run cannot change to that status"""


def is_resting(status: str, waiting_for: str | None) -> bool:
    """Whether the run has begun, and stands still until something comes; a paused one waits for somebody instead."""
    return status in (RunStatus.PENDING, RunStatus.AWAITING_APPROVAL) and waiting_for in RESTS_ON


def check_transition(current: str, to: RunStatus) -> None:
    """Raises IllegalTransition, naming both statuses. Staying in a status is always legal."""
    if to != current and to not in TRANSITIONS[RunStatus(current)]:
        raise IllegalTransition(f"A run that is {current} cannot become {to}", status_now=str(current), wanted=str(to))
