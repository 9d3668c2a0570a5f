"""The forms that a team's calls are answered with, and what stands in for one that nobody can read."""

from dataclasses import replace

from folkmoot.agents.calls import Form, form
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.messages import OutputSchema
from folkmoot.runs.journal import Fault, Outcome
from folkmoot.teams.answers import ABSTAINED
from folkmoot.teams.conversation.rules import Choice, Remark, check_choice, others
from folkmoot.teams.conversation.state import TalkState
from folkmoot.teams.planning.state import PlanState
from folkmoot.teams.rules import Plan, Summary, Verdict, check_plan, check_verdict
from folkmoot.teams.team import Team
from folkmoot.teams.workflow import TeamState

_UNREADABLE = ("invalid_output", "answer_truncated")
_DISPENSABLE = ("verdict", "summary", "choice")


def form_of(state: TeamState, output: str | None) -> Form | None:
    """The form of that name. Raises AssertionError for one that the state's orchestration does not know."""
    match output:
        case "summary":
            return form(Summary)
        case "remark":
            return form(Remark)
        case None:
            return None
    if isinstance(state, PlanState):
        return _of_plan(state, output)
    return _of_talk(state, output)


def _of_plan(state: PlanState, output: str) -> Form:
    team, steps = state.given.team, state.steps
    if output == "verdict":
        return form(Verdict, lambda verdict: check_verdict(verdict, steps.keys()))
    assert output == "plan", output
    slugs = [role.slug for role in team.members]
    return form(Plan, lambda plan: check_plan(team.seated(plan), slugs), plan_schema(team))


def _of_talk(state: TalkState, output: str) -> Form:
    if output == "verdict":
        speakers = state.latest
        return form(Verdict, lambda verdict: check_verdict(verdict, speakers.keys()))
    assert output == "choice", output
    last = state.statements[-1].speaker if state.statements else None
    slugs = state.slugs
    return form(Choice, lambda choice: check_choice(choice, slugs, last), _choice_schema(others(slugs, last)))


def plan_schema(team: Team) -> OutputSchema:
    """A plan's form with the team's roles as the only ones there are."""
    schema: JsonObject = Plan.model_json_schema()
    slugs: list[Json] = [role.slug for role in team.members]
    match schema:
        case {"$defs": {"Step": {"properties": {"role": dict(role)}}}}:
            role["enum"] = slugs
    return OutputSchema("Plan", schema)


def _choice_schema(slugs: list[str]) -> OutputSchema:
    schema: JsonObject = Choice.model_json_schema()
    listed: list[Json] = [*slugs, None]
    match schema:
        case {"properties": dict(properties)}:
            properties["next"] = {"enum": listed, "default": None}
    return OutputSchema("Choice", schema)


def readable(state: TeamState, output: str | None, outcome: Outcome) -> Outcome:
    """The outcome with a plan's roles as slugs, and with what stands in for an answer nobody can read.

    An unreadable plan ends the run; an unreadable verdict is an abstention, which never approves; a choice has
    a fallback, and a summary can be made out of the journal.
    """
    match output, outcome.value, outcome.fault:
        case "plan", dict(value), None:
            plan = state.given.team.seated(Plan.model_validate(value["output"]))
            return replace(outcome, value={**value, "output": plan.model_dump(mode="json")})
        case "plan", _, Fault(code=code, sentence=sentence) if code in _UNREADABLE:
            return replace(outcome, fault=Fault(code="invalid_plan", sentence=sentence))
        case str(name), _, Fault(code=code, sentence=sentence) if code in _UNREADABLE and name in _DISPENSABLE:
            return replace(outcome, fault=None, value={"output": None, ABSTAINED: sentence})
        case _:
            return outcome
