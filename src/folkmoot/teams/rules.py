"""The judgement of a team, pure: what plans, verdicts and summaries are, and how a run goes on or stops."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from folkmoot.kernel.json import canonical

MAX_STEPS = 20

Complexity = Literal["XS", "S", "M", "L", "XL"]
Decision = Literal["approve", "changes_required", "reject"]
StopReason = Literal["approved", "delivered", "rejected", "not_approved", "stalled", "budget_exhausted"]
Move = StopReason | Literal["replan", "revise"]

SUGGESTED_ROUNDS: Mapping[Complexity, int] = {"XS": 1, "S": 2, "M": 3, "L": 5, "XL": 8}


def _as_text(value: object) -> object:
    """Models number their steps as often as they name them."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


# in this order, or the pattern is missing from the schema that language models are shown
StepId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$"), BeforeValidator(_as_text)]
Paragraph = Annotated[str, Field(min_length=1, max_length=4000)]


class Form(BaseModel):
    """Something a language model fills in: unknown members are dropped, what is known is checked."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Step(Form):
    id: StepId
    title: Annotated[str, Field(min_length=1, max_length=300)]
    role: Annotated[str, Field(min_length=1, max_length=64)]
    depends_on: Annotated[tuple[StepId, ...], Field(max_length=MAX_STEPS)] = ()
    acceptance: Paragraph


class Plan(Form):
    complexity: Complexity
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]
    assumptions: Annotated[tuple[Paragraph, ...], Field(max_length=20)] = ()


class Finding(Form):
    step_id: StepId
    severity: Literal["low", "medium", "high", "critical"]
    note: Paragraph
    must_fix: bool


class Verdict(Form):
    decision: Decision
    findings: Annotated[tuple[Finding, ...], Field(max_length=100)] = ()
    confidence: Annotated[float, Field(ge=0, le=1)]


class Summary(Form):
    summary: Annotated[str, Field(min_length=1, max_length=40_000)]
    deliverables: Annotated[tuple[Paragraph, ...], Field(max_length=100)] = ()
    open_issues: Annotated[tuple[Paragraph, ...], Field(max_length=100)] = ()


def in_order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Each step after those it depends on, else as planned. Raises ValueError naming the steps of a cycle."""
    ordered: list[Step] = []
    placed: set[str] = set()
    waiting = list(steps)
    while waiting:
        ready = next((step for step in waiting if placed.issuperset(step.depends_on)), None)
        if ready is None:
            raise ValueError(f"steps depend on each other: {', '.join(step.id for step in waiting)}")
        waiting.remove(ready)
        ordered.append(ready)
        placed.add(ready.id)
    return tuple(ordered)


def check_plan(plan: Plan, roles: Collection[str]) -> None:
    """Raises ValueError saying what is wrong: an unknown role or dependency, an id used twice, a cycle."""
    folded = [step.id.casefold() for step in plan.steps]
    ids = {step.id for step in plan.steps}
    for step in plan.steps:
        if folded.count(step.id.casefold()) > 1:
            raise ValueError(f"the step id {step.id} is used more than once")
        if step.role not in roles:
            known = ", ".join(sorted(roles))
            raise ValueError(f"step {step.id}: there is no role {step.role}; roles: {known}")
        if unknown := [other for other in step.depends_on if other not in ids]:
            raise ValueError(f"step {step.id} depends on {', '.join(unknown)}, which is no step of the plan")
    in_order(plan.steps)


def check_verdict(verdict: Verdict, step_ids: Collection[str]) -> None:
    """Raises ValueError: a finding names no step of the plan, or changes are required but not where."""
    for finding in verdict.findings:
        if finding.step_id not in step_ids:
            known = ", ".join(step_ids)
            raise ValueError(f"there is no step {finding.step_id} to have a finding; steps: {known}")
    if decision_of(verdict) == "changes_required" and not verdict.findings:
        raise ValueError("changes are required, but no finding says in which step and what")


def decision_of(verdict: Verdict) -> Decision:
    """What a verdict comes to: approval with something that must be fixed is no approval."""
    if verdict.decision == "approve" and any(finding.must_fix for finding in verdict.findings):
        return "changes_required"
    return verdict.decision


def round_limit(complexity: Complexity, max_rounds: int) -> int:
    return min(SUGGESTED_ROUNDS[complexity], max_rounds)


def steps_again(plan: Plan, verdict: Verdict | None) -> tuple[str, ...]:
    """The steps named in findings and all that depend on them, in order; none for an unreadable verdict."""
    again = {finding.step_id for finding in verdict.findings} if verdict else set()
    due: list[str] = []
    for step in in_order(plan.steps):
        if step.id in again or not again.isdisjoint(step.depends_on):
            again.add(step.id)
            due.append(step.id)
    return tuple(due)


def content_hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def fingerprint(hashes: Mapping[str, str], findings: Iterable[Finding]) -> str:
    """Equal for two rounds that made the same artifacts and met the same findings, in whatever order."""
    found = sorted([item.step_id, item.severity, item.note, item.must_fix] for item in findings)
    return sha256(canonical([dict(hashes), found])).hexdigest()


class Standing(Form):
    """Where a run stands when a verdict comes in. `is_stalled`: artifacts and findings are as before."""

    rounds: int
    round_limit: int
    revisions: int
    max_revisions: int
    is_stalled: bool
    has_replanned: bool


def after_review(verdict: Verdict | None, standing: Standing) -> Move:
    """The first stop rule that holds, else how to go on. An unreadable verdict (None) never approves."""
    decision = decision_of(verdict) if verdict is not None else "changes_required"
    if decision == "approve":
        return "approved"
    if decision == "reject":
        return "rejected"
    if standing.revisions >= standing.max_revisions or standing.rounds >= standing.round_limit:
        return "not_approved"
    if standing.is_stalled:
        return "stalled" if standing.has_replanned else "replan"
    return "revise"
