"""What happens to a run, as facts. Its last event is exactly one of completion, failure and cancelled."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from folkmoot.kernel.facts import Fact, Shows
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, kw_only=True)
class RunStatusChanged(Fact):
    """The run's status, or what it waits for, has changed; `previous_status` is null for a new run.

    `run` is all of a new run, of any other what has changed since, `plan` and `results` apart; null for a reply,
    which lists of runs leave out.
    """

    type = "run_status_changed"
    example: ClassVar[JsonObject] = {
        "previous_status": "running",
        "status": "completed",
        "waiting_for": None,
        "stop_reason": "approved",
    }

    previous_status: str | None
    status: str
    waiting_for: str | None
    stop_reason: str | None
    run: Annotated[JsonObject, Shows("run", is_part=True)] | None


@dataclass(frozen=True, kw_only=True)
class Progress(Fact):
    """A step of the run is done: by whom, and what the run has taken so far (`cost_usd` null where unknown)."""

    type = "progress"
    example: ClassVar[JsonObject] = {
        "step": 1,
        "total_steps": 4,
        "current_phase": "work",
        "progress_percent": 30.0,
        "speaker": "Engineer",
        "tokens": 588,
        "cost_usd": "0.0031",
    }

    step: int
    total_steps: int
    current_phase: str
    progress_percent: float
    speaker: str | None = None
    tokens: int | None = None
    cost_usd: str | None = None


@dataclass(frozen=True, kw_only=True)
class Paused(Fact):
    """The run is paused: nothing of it is in flight any more."""

    type = "paused"


@dataclass(frozen=True, kw_only=True)
class Resumed(Fact):
    """A paused run goes on."""

    type = "resumed"


@dataclass(frozen=True, kw_only=True)
class ApprovalRequired(Fact):
    """The run asks a person; what else it has to do goes on."""

    type = "approval_required"

    approval: Annotated[JsonObject, Shows("approval")]


@dataclass(frozen=True, kw_only=True)
class Approved(Fact):
    """What the run asked is approved, or its question answered; `decided_by` is null where that is by its expiry."""

    type = "approved"

    approval: Annotated[JsonObject, Shows("approval")]


@dataclass(frozen=True, kw_only=True)
class Rejected(Fact):
    """What the run asked is rejected; `decided_by` is null where that is by its expiry."""

    type = "rejected"

    approval: Annotated[JsonObject, Shows("approval")]


@dataclass(frozen=True, kw_only=True)
class Completion(Fact):
    """The run ended completed."""

    type = "completion"
    example: ClassVar[JsonObject] = {"results": {"summary": "After a crash every run goes on where it was."}}

    results: JsonObject | None


@dataclass(frozen=True, kw_only=True)
class Failure(Fact):
    """The run ended failed, or ran out of time (code `timeout`); results so far are kept."""

    type = "failure"
    example: ClassVar[JsonObject] = {
        "error": "The run has taken longer than it may",
        "code": "timeout",
        "results": None,
    }

    error: str
    code: str
    results: JsonObject | None


@dataclass(frozen=True, kw_only=True)
class Cancelled(Fact):
    """The run was cancelled; results so far are kept."""

    type = "cancelled"
    example: ClassVar[JsonObject] = {"stop_reason": "cancelled", "results": None}

    stop_reason: str
    results: JsonObject | None
