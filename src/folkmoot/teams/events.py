"""What happens in a team's run, as facts, beside those that every run has."""

from dataclasses import dataclass

from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, kw_only=True)
class AnalysisStarted(Fact):
    """The team leader has begun to look at the task."""

    type = "analysis_start"

    team: str
    speaker: str


@dataclass(frozen=True, kw_only=True)
class PlanMade(Fact):
    """The team has a plan; a second one where it was planned anew."""

    type = "plan_ready"

    plan: JsonObject
