"""What happens to a run, as facts. Its last event is exactly one of completion, failure and cancelled."""

from dataclasses import dataclass

from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, kw_only=True)
class RunStatusChanged(Fact):
    """The run's status, or what it waits for, has changed; `previous_status` is null for a new run."""

    type = "run_status_changed"

    previous_status: str | None
    status: str
    waiting_for: str | None
    stop_reason: str | None


@dataclass(frozen=True, kw_only=True)
class Progress(Fact):
    """A step of the run is done: by whom, and what the run has taken so far (`cost_usd` null where unknown)."""

    type = "progress"

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
class Completion(Fact):
    """The run ended completed."""

    type = "completion"

    results: JsonObject | None


@dataclass(frozen=True, kw_only=True)
class Failure(Fact):
    """The run ended failed, or ran out of time (code `timeout`); results so far are kept."""

    type = "failure"

    error: str
    code: str
    results: JsonObject | None


@dataclass(frozen=True, kw_only=True)
class Cancelled(Fact):
    """The run was cancelled; results so far are kept."""

    type = "cancelled"

    stop_reason: str
    results: JsonObject | None
