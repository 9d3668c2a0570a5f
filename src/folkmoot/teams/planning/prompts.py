"""What each role of a planned run is asked, built from the recipe of a call and the state alone."""

from collections.abc import Callable, Iterable
from typing import Final

from folkmoot.kernel.json import JsonObject
from folkmoot.teams.briefs import SEARCH, Brief, cut, files, findings, nested, one_line, roles, task
from folkmoot.teams.ending import SENTENCES
from folkmoot.teams.planning.messages import watched
from folkmoot.teams.planning.outcome import artifact_name
from folkmoot.teams.planning.state import PlanState
from folkmoot.teams.rules import Plan, Step
from folkmoot.teams.team import Role

MESSAGE_CHARACTERS = 600

_PLAN = (
    "Plan this task: its complexity, and 1 to 20 steps, as few as will do. Each step has a short id, a title, "
    "one role of the list, the ids of the steps whose output it needs, and acceptance lines by which anyone can "
    "tell whether it is done. Steps that do not need each other run at the same time."
)
_PLAN_AGAIN = "Your last plan went in circles: the same results met the same findings. Plan in another way."
_PLAN_OTHERWISE = (
    "A person was shown the last plan, whose steps stand under Steps, and wants another one: meet what is said under "
    "Feedback."
)
_STEP = "Do this step. Your answer is its result: complete, in Markdown, without a preamble."
_STEP_AGAIN = "Your last version is under Outputs: answer with the whole new version, every finding met."
_VERDICT = (
    "Judge the outputs by the acceptance lines. Approve if all are met; else require changes, with one finding "
    "for each step that must change; reject only what cannot become acceptable. must_fix marks what stands "
    "against approval."
)
_SUMMARY = (
    "Report to the person who gave the task: the answer itself in summary, with the citations it rests on, "
    "what was delivered in deliverables, and everything still open in open_issues."
)


def brief(state: PlanState, recipe: JsonObject) -> Brief:
    """Raises KeyError on an unknown recipe."""
    return _BRIEFS[str(recipe["kind"])](state, recipe)


def _plan(state: PlanState, _: JsonObject) -> Brief:
    team = state.given.team
    sections = (("Task", task(state.given)), ("Roles", roles(team.members)), ("Files", files(state.given)))
    if state.sent_back is not None:
        draft, feedback = state.sent_back
        return Brief(
            team.lead,
            f"{_PLAN} {_PLAN_OTHERWISE}",
            (*sections, ("Steps", _steps(draft)), ("Feedback", nested(feedback or "None was given."))),
        )
    if not state.plans:
        return Brief(team.lead, _PLAN, sections)
    last = (
        ("Steps", _steps(state.plan)),
        ("Outputs", _outputs(state, state.plan.steps)),
        ("Findings", findings(state.findings)),
    )
    return Brief(team.lead, f"{_PLAN} {_PLAN_AGAIN}", (*sections, *last))


def _step(state: PlanState, recipe: JsonObject) -> Brief:
    step = state.steps[str(recipe["step"])]
    is_again = state.output(step.id) is not None
    own = tuple(finding for finding in state.findings if finding.step_id == step.id)
    shown = [*(state.steps[other] for other in step.depends_on), *([step] if is_again else [])]
    told = (_STEP, _STEP_AGAIN if is_again else "", SEARCH if state.given.documents else "")
    sections = (
        ("Task", task(state.given)),
        ("Files", files(state.given)),
        ("Step", f"{step.id}: {one_line(step.title)}"),
        ("Acceptance", nested(step.acceptance)),
        ("Outputs", _outputs(state, shown)),
        ("Findings", findings(own)),
        ("Memory", _memory(state, step)),
    )
    return Brief(state.given.team.role(step.role), " ".join(filter(None, told)), sections)


def _verdict(state: PlanState, _: JsonObject) -> Brief:
    reviewer = state.given.team.reviewer
    assert isinstance(reviewer, Role), "no language model is asked for the verdict of nobody or of a person"
    lines = (f"- {step.id}: {one_line(step.acceptance)}" for step in state.plan.steps)
    sections = (
        ("Task", task(state.given)),
        ("Files", files(state.given)),
        ("Steps", _steps(state.plan)),
        ("Acceptance", "\n".join(lines)),
        ("Outputs", _outputs(state, state.plan.steps)),
        ("Findings", findings(state.findings)),
    )
    return Brief(reviewer, _VERDICT, sections)


def _summary(state: PlanState, _: JsonObject) -> Brief:
    standing = f"{SENTENCES[state.stopped]}. " if state.stopped else ""
    made = (step for step in state.plan.steps if state.output(step.id) is not None)
    sections = (
        ("Task", task(state.given)),
        ("Files", files(state.given)),
        ("Steps", _steps(state.plan)),
        ("Artifacts", "\n".join(f"- {artifact_name(step.id)}: {one_line(step.title)}" for step in made)),
        ("Outputs", _outputs(state, state.plan.steps)),
        ("Findings", findings(state.findings)),
    )
    return Brief(state.given.team.lead, standing + _SUMMARY, sections)


_BRIEFS: Final[dict[str, Callable[[PlanState, JsonObject], Brief]]] = {
    "plan": _plan,
    "step": _step,
    "verdict": _verdict,
    "summary": _summary,
}


def _steps(plan: Plan) -> str:
    return "\n".join(f"- {step.id}: {one_line(step.title)} ({step.role})" for step in plan.steps)


def _outputs(state: PlanState, steps: Iterable[Step]) -> str:
    shown = []
    for step in steps:
        text = state.output(step.id)
        if text is not None:
            shown.append(f"### {step.id}\n{cut(nested(text))}")
    return "\n\n".join(shown)


def _memory(state: PlanState, step: Step) -> str:
    """What the role has heard, beside the outputs that the prompt holds in full."""
    full = {f"step:{other}" for other in (*step.depends_on, step.id)}
    heard = watched(state, state.round.number, step)
    return "\n".join(
        f"- {message.sent_from} ({message.cause_by}): {one_line(message.text)[:MESSAGE_CHARACTERS]}"
        for message in heard
        if message.cause_by not in full
    )
