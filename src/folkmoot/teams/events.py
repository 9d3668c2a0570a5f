"""What happens in a team's run, as facts, beside those that every run has."""

from dataclasses import dataclass
from typing import ClassVar

from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, kw_only=True)
class AnalysisStarted(Fact):
    """The team leader has begun to look at the task."""

    type = "analysis_start"
    example: ClassVar[JsonObject] = {"team": "mgx", "speaker": "Team leader"}

    team: str
    speaker: str


@dataclass(frozen=True, kw_only=True)
class PlanMade(Fact):
    """The team has a plan; a second one where it was planned anew."""

    type = "plan_ready"
    example: ClassVar[JsonObject] = {
        "plan": {
            "complexity": "simple",
            "steps": [{"id": "s1", "title": "Gather what bears on crashes", "role": "worker", "depends_on": []}],
            "assumptions": [],
        }
    }

    plan: JsonObject
