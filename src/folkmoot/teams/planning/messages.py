"""What the roles of a team tell each other, and which of it a step's worker has before it: never by timing."""

from collections.abc import Iterator
from dataclasses import dataclass

from folkmoot.teams.planning.state import PlanState, turn_key
from folkmoot.teams.rules import Plan, Step, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one role told others. `cause_by`: plan, review or `step:` and its id."""

    cause_by: str
    sent_from: str
    send_to: tuple[str, ...]
    text: str
    round: int


def messages(state: PlanState) -> tuple[Message, ...]:
    """All of them, by round and in it in the plan's order, however concurrent steps came in."""
    return tuple(_messages(state))


def watched(state: PlanState, number: int, step: Step) -> tuple[Message, ...]:
    """The last `memory_size` messages to the step's role that its prompt may hold.

    Those of earlier rounds, and of this one only what the step waits for: what a concurrent step has said
    so far depends on chance, and a prompt must not.
    """
    before = ancestors(state.plan, step.id)
    heard = [
        message
        for message in messages(state)
        if step.role in message.send_to and (message.round < number or message.cause_by.removeprefix("step:") in before)
    ]
    return tuple(heard[-state.given.memory_size :])


def ancestors(plan: Plan, step_id: str) -> frozenset[str]:
    """All steps that must be done before this one."""
    needs = {step.id: step.depends_on for step in plan.steps}
    found: set[str] = set()
    waiting = list(needs[step_id])
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting.extend(needs[other])
    return frozenset(found)


def _messages(state: PlanState) -> Iterator[Message]:
    lead = state.given.team.lead.slug
    reviewer = state.given.team.reviewer
    for plan_number, plan in enumerate(state.plans, 1):
        rounds = [past for past in state.rounds if past.plan == plan_number]
        workers = tuple(dict.fromkeys(step.role for step in plan.steps))
        text = "; ".join(f"{step.id}: {step.title} ({step.role})" for step in plan.steps)
        first = rounds[0].number if rounds else 1
        yield Message(cause_by="plan", sent_from=lead, send_to=workers, text=text, round=first - 1)
        for past in rounds:
            for step_id in past.due:
                yield from _of_step(state, plan, past.number, step_id)
            verdict = state.verdicts[past.number - 1] if past.number <= len(state.verdicts) else None
            if verdict is not None and reviewer is not None:
                yield _of_review(plan, verdict, reviewer.slug, past.number)


def _of_step(state: PlanState, plan: Plan, number: int, step_id: str) -> Iterator[Message]:
    turn = state.turns.get(turn_key(number, step_id))
    if turn is None or turn.answer is None:
        return
    reviewer = state.given.team.reviewer
    readers = [step.role for step in plan.steps if step_id in step.depends_on]
    yield Message(
        cause_by=f"step:{step_id}",
        sent_from=turn.plan.role,
        send_to=tuple(dict.fromkeys([*readers, *([reviewer.slug] if reviewer else [])])),
        text=turn.answer.text,
        round=number,
    )


def _of_review(plan: Plan, verdict: Verdict, reviewer: str, number: int) -> Message:
    named = {finding.step_id for finding in verdict.findings}
    roles = tuple(dict.fromkeys(step.role for step in plan.steps if step.id in named))
    lines = [f"{finding.step_id}: {finding.note}" for finding in verdict.findings]
    return Message(
        cause_by="review",
        sent_from=reviewer,
        send_to=roles,
        text="; ".join([verdict.decision, *lines]),
        round=number,
    )
