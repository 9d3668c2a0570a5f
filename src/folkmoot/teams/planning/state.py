"""What the journal of a planned run stands for: plans, rounds, turns and verdicts, and all that follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from folkmoot.agents.turn import Turn, TurnPlan
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.journal import Fault
from folkmoot.teams.given import TeamInput
from folkmoot.teams.metrics import Spent
from folkmoot.teams.rules import (
    Finding,
    Plan,
    Step,
    StopReason,
    Summary,
    Verdict,
    content_hash,
    fingerprint,
    round_limit,
)

TURN_LIMIT = 8
"""Calls of the language model in one step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """`due` steps run in it, in order; the others keep what they made. `plan` is its number, from 1."""

    number: int
    plan: int
    due: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PlanState:
    """Everything is a function of the set of entries, not of the order in which concurrent ones came.

    `draft` is a plan that waits for a person, `sent_back` the last one that a person wanted otherwise, with what
    was said about it; `proposed` counts all plans the lead has made, `plans` are those that were worked by.
    """

    given: TeamInput
    began_at: datetime
    last_at: datetime
    proposed: int = 0
    draft: Plan | None = None
    sent_back: tuple[Plan, str] | None = None
    times_sent_back: int = 0
    plans: tuple[Plan, ...] = ()
    rounds: tuple[Round, ...] = ()
    turns: Mapping[str, Turn] = field(default_factory=dict)
    verdicts: tuple[Verdict | None, ...] = ()
    fingerprint_before: str | None = None
    stopped: StopReason | None = None
    called_off: str | None = None
    summary: Summary | None = None
    fault: Fault | None = None
    spent: Mapping[tuple[str, str], Spent] = field(default_factory=dict)
    is_over: bool = False

    @property
    def plan(self) -> Plan:
        return self.plans[-1]

    @property
    def round(self) -> Round:
        return self.rounds[-1]

    @property
    def revisions(self) -> int:
        """Rounds that were run because of findings; the first round of a plan is none."""
        return len(self.rounds) - len(self.plans) if self.rounds else 0

    @property
    def round_limit(self) -> int:
        """What the first plan's complexity suggests, at most the task's own limit; a re-plan raises nothing."""
        return round_limit(self.plans[0].complexity, self.given.max_rounds)

    @property
    def wants_plan(self) -> bool:
        """Whether the lead has to make a plan, or has made it and it waits for a person."""
        return not self.plans or (self.stopped is None and len(self.verdicts) == len(self.rounds) > 0)

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        return {step.id: step for step in self.plan.steps} if self.plans else {}

    def output(self, step_id: str, upto: int | None = None) -> str | None:
        """What the step made last, in this plan and up to this round; None where it has not been done."""
        for past in reversed(self.rounds[:upto]):
            if past.plan != len(self.plans):
                break
            turn = self.turns.get(turn_key(past.number, step_id))
            if step_id in past.due and turn is not None and turn.answer is not None:
                return turn.answer.text
        return None

    @cached_property
    def done(self) -> frozenset[str]:
        """The due steps of this round whose turn has an answer."""
        keys = ((step_id, turn_key(self.round.number, step_id)) for step_id in self.round.due)
        turns = ((step_id, self.turns.get(key)) for step_id, key in keys)
        return frozenset(step_id for step_id, turn in turns if turn is not None and turn.answer is not None)

    def is_ready(self, step: Step) -> bool:
        """Whether all that the step depends on is done, in this round or before."""
        return all(other in self.done or other not in self.round.due for other in step.depends_on)

    @property
    def is_worked(self) -> bool:
        """Whether all due steps of the round are done."""
        return len(self.done) == len(self.round.due)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The last verdict's."""
        verdict = self.verdicts[-1] if self.verdicts else None
        return verdict.findings if verdict is not None else ()

    @property
    def step_fault(self) -> Fault | None:
        """The fault of the first due step that has one, in the plan's order and not in that of their coming."""
        keys = (turn_key(self.round.number, step_id) for step_id in self.round.due) if self.rounds else ()
        turns = (self.turns.get(key) for key in keys)
        return next((turn.fault for turn in turns if turn is not None and turn.fault is not None), None)


def turn_of(state: PlanState, step: Step) -> Turn:
    """The turn of a step in this round, as it is or as it begins."""
    number = state.round.number
    key = turn_key(number, step.id)
    if (known := state.turns.get(key)) is not None:
        return known
    recipe: JsonObject = {"kind": "step", "round": number, "step": step.id}
    seat = state.given.team.role(step.role)
    plan = TurnPlan(
        key=key,
        role=step.role,
        recipe=recipe,
        agent_id=seat.agent_id,
        max_tokens=seat.max_tokens,
        limit=TURN_LIMIT,
        limit_seconds=state.given.step_seconds,
    )
    return Turn(plan=plan)


def fingerprint_of(state: PlanState, verdict: Verdict) -> str:
    """What two rounds have in common that went in a circle: the texts of all steps, and what was found."""
    made = {step_id: content_hash(state.output(step_id) or "") for step_id in state.steps}
    return fingerprint(made, verdict.findings)


def turn_key(number: int, step_id: str) -> str:
    return f"r{number}.s.{step_id}"
