"""What a team's run does beyond its pure procedure: asks, uses tools, checks its input, keeps its artifacts."""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import sqlalchemy as sa

from folkmoot.agents.calls import Asking, ask_for_turn, use_for_turn
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import JsonObject, canonical
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.queries import get_document
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.messages import Message, message_to_json
from folkmoot.providers.queries import own_providers
from folkmoot.runs.artifacts import put_artifact
from folkmoot.runs.journal import Call, Entry, Live, Outcome, Use
from folkmoot.runs.partakers import take_part
from folkmoot.runs.tables import Run
from folkmoot.tasks.means import Means, Wanted, means_for
from folkmoot.teams.briefs import prompt
from folkmoot.teams.conversation import outcome as of_talk
from folkmoot.teams.conversation import prompts as talk_prompts
from folkmoot.teams.conversation.passing import own_tools
from folkmoot.teams.conversation.state import TalkState, turn_of
from folkmoot.teams.forms import form_of, readable
from folkmoot.teams.given import AttachedDocument, TeamChanges, TeamInput, TeamRequest, opened
from folkmoot.teams.planning import outcome as of_plan
from folkmoot.teams.planning import prompts as plan_prompts
from folkmoot.teams.planning.outcome import shown_plan
from folkmoot.teams.planning.state import PlanState
from folkmoot.teams.seating import seat_team
from folkmoot.teams.team import Role, Team
from folkmoot.teams.workflow import TeamProcedure, TeamState
from folkmoot.tools.registry import ToolRegistry

_TURNS = ("step", "statement")
"""Recipes of calls that are part of a turn, in which tools may be used."""

_JUDGEMENTS = ("verdict", "choice")
"""Forms whose answer is made anew whenever they are asked for."""

_THIS_RUN = sa.update(Run).where(Run.id == sa.bindparam("this_run"))
_SET_ROUND = _THIS_RUN.values(round_count=sa.bindparam("rounds"))
_SET_PLAN = _THIS_RUN.values(plan=sa.bindparam("made", type_=Run.__table__.columns.plan.type))


class TeamExecutor:
    """Runs of kind `team`."""

    kind = "team"
    version = 1
    takes_slot = True

    def __init__(self, db: Database, gateway: Gateway, tools: ToolRegistry) -> None:
        self._db = db
        self._gateway = gateway
        self._tools = tools
        self._procedure = TeamProcedure()

    @property
    def procedure(self) -> TeamProcedure:
        return self._procedure

    async def perform(self, run: Run, state: TeamState, action: Call | Use, live: Live) -> Outcome:
        if isinstance(action, Use):
            seat = state.given.team.role(_speaker(state, action))
            means = await self._means(run, state, seat, action)
            return await use_for_turn(means.tools, means.context, action)
        seat = state.given.team.role(action.role)
        messages = (*_prompt(state, action.recipe), *_transcript(state, action))
        means = await self._means(run, state, seat, action)
        asking = Asking(
            role=action.role,
            workspace_id=run.workspace_id,
            agent_id=seat.agent_id,
            messages=messages,
            models=seat.models or state.given.models,
            tools=means.names,
            output=form_of(state, action.output),
            max_tokens=action.max_tokens,
            temperature=seat.temperature,
            is_closing=action.closing,
            is_cacheable=not means.names and action.output not in _JUDGEMENTS,
            context=means.context_of_calls,
        )
        outcome = await ask_for_turn(self._gateway, means.tools, asking, live)
        by: JsonObject = {**outcome.by, "prompt": prompt_hash(messages)}
        return readable(state, action.output, replace(outcome, by=by))

    async def _means(self, run: Run, state: TeamState, seat: Role, action: Call | Use) -> Means:
        """Who plans, judges, moderates or sums up does so from what the others made, without tools."""
        is_turn = isinstance(action, Use) or action.recipe["kind"] in _TURNS
        wanted = Wanted(name=seat.name, agent_id=seat.agent_id)
        if is_turn:
            wanted = Wanted(
                name=seat.name,
                agent_id=seat.agent_id,
                tools=seat.tools,
                tags=seat.knowledge_tags,
                files=tuple(document.id for document in state.given.documents),
                own=own_tools(state) if isinstance(state, TalkState) else (),
            )
        return await means_for(self._db, self._tools, run, wanted, action)

    def open(self, tx: Tx, scope: Scope, given: JsonObject) -> JsonObject:
        """Raises NoSuchTeam, NoSuchAgent, NoSuchDocument, UnknownModel, UnusableTeam, NoPlanToApprove."""
        request = TeamRequest.model_validate(given)
        team = seat_team(tx, scope, request.team)
        own = own_providers(tx, scope)
        for models in (tuple(request.models), *(seat.models for seat in team.seats)):
            if models:
                self._gateway.check(models, own)
        documents = (get_document(tx, scope, document_id) for document_id in dict.fromkeys(request.documents))
        attached = tuple(AttachedDocument(id=document.id, title=document.title) for document in documents)
        return opened(request, team, attached)

    def reopen(self, tx: Tx, scope: Scope, was: JsonObject, changes: JsonObject) -> JsonObject:
        """The input of a run that goes on with another's beginning. Raises UnknownModel, ValidationError."""
        wanted = TeamChanges.model_validate(changes)
        if wanted.models:
            self._gateway.check(tuple(wanted.models), own_providers(tx, scope))
        changed = {**was, **wanted.model_dump(mode="json", exclude_none=True)}
        return TeamInput.model_validate(changed).model_dump(mode="json")

    def project(self, tx: Tx, run: Run, before: TeamState, after: TeamState, entry: Entry) -> None:
        """Agents take part from the start; what is made becomes the next version of its artifact.

        The run shows its plan and its round.
        """
        if entry.kind == "begun":
            agents = {seat.agent_id: seat.slug for seat in reversed(_partakers(after.given.team)) if seat.agent_id}
            take_part(tx, run, agents)
            return
        if _rounds(after) > _rounds(before):
            tx.write(_SET_ROUND, {"this_run": run.id, "rounds": _rounds(after)})
        if isinstance(after, PlanState) and isinstance(before, PlanState) and after.proposed > before.proposed:
            tx.write(_SET_PLAN, {"this_run": run.id, "made": shown_plan(after).model_dump(mode="json")})
        for name, text in _made(before, after, entry):
            put_artifact(tx, run, name, text)


def _partakers(team: Team) -> tuple[Role, ...]:
    """Who takes part in the run itself: whoever gets work from a supervisor does it in a run of its own."""
    if team.orchestration != "supervisor":
        return team.seats
    return (team.lead, *([team.reviewer] if isinstance(team.reviewer, Role) else []))


def prompt_hash(messages: tuple[Message, ...]) -> str:
    return sha256(canonical([message_to_json(message) for message in messages])).hexdigest()


def _prompt(state: TeamState, recipe: JsonObject) -> tuple[Message, ...]:
    brief = plan_prompts.brief(state, recipe) if isinstance(state, PlanState) else talk_prompts.brief(state, recipe)
    return prompt(state.given.team.slug, brief)


def _transcript(state: TeamState, action: Call) -> tuple[Message, ...]:
    turn = state.turns.get(action.group) if isinstance(state, PlanState) else state.turn
    return turn.transcript if turn is not None and turn.plan.key == action.group else ()


def _speaker(state: TeamState, use: Use) -> str:
    """Whose turn a tool is used in."""
    turn = state.turns[use.group] if isinstance(state, PlanState) else turn_of(state)
    return turn.plan.role


def _rounds(state: TeamState) -> int:
    return len(state.rounds) if isinstance(state, PlanState) else state.round * bool(state.statements)


def _made(before: TeamState, after: TeamState, entry: Entry) -> Iterator[tuple[str, str]]:
    """Names and texts of what an entry has brought to its end."""
    if isinstance(after, TalkState) and isinstance(before, TalkState):
        for statement in after.statements[len(before.statements) :]:
            if statement.text:
                yield of_talk.artifact_name(statement.speaker), statement.text
    elif isinstance(after, PlanState) and isinstance(before, PlanState) and after.turns is not before.turns:
        turn = after.turns.get(entry.key.rpartition(".m")[0])
        if turn is not None and turn.answer is not None:
            yield of_plan.artifact_name(str(turn.plan.recipe["step"])), turn.answer.text
