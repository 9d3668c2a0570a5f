"""What a team's run does beyond its pure procedure: asks, searches, checks its input, keeps its artifacts."""

from dataclasses import replace
from hashlib import sha256

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from folkmoot.agents.calls import Asking, Form, ask_for_turn, form, use_for_turn
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import Json, JsonObject, canonical
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.knowledge.queries import get_document
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.messages import Message, OutputSchema, message_to_json
from folkmoot.providers.queries import own_providers
from folkmoot.runs.artifacts import put_artifact
from folkmoot.runs.journal import Call, Entry, Fault, Live, Outcome, Use
from folkmoot.runs.tables import Run
from folkmoot.teams.outcome import artifact_name
from folkmoot.teams.prompts import prompt
from folkmoot.teams.rules import Plan, Summary, Verdict, check_plan, check_verdict
from folkmoot.teams.spec import TeamSpec, get_team
from folkmoot.teams.state import AttachedDocument, TeamInput, TeamState
from folkmoot.teams.workflow import ABSTAINED, TeamProcedure
from folkmoot.tools.registry import ToolContext, ToolRegistry

SEARCH = "search_knowledge"

_UNREADABLE = ("invalid_output", "answer_truncated")
_THIS_RUN = sa.update(Run).where(Run.id == sa.bindparam("this_run"))
_SET_ROUND = _THIS_RUN.values(round_count=sa.bindparam("rounds"))
_SET_PLAN = _THIS_RUN.values(plan=sa.bindparam("made", type_=Run.__table__.columns.plan.type))


class TeamRequest(BaseModel):
    """What a run of a team is started with."""

    model_config = ConfigDict(extra="forbid")

    team: str
    name: str
    description: str
    documents: list[str] = Field(default_factory=list)
    models: list[str] = Field(default_factory=list)
    max_rounds: int
    max_revision_rounds: int
    memory_size: int


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
            return await use_for_turn(self._tools, self._context(run, state, action), action)
        messages = (*prompt(state, action.recipe), *_transcript(state, action))
        asking = Asking(
            role=action.role,
            workspace_id=run.workspace_id,
            messages=messages,
            models=state.given.models,
            tools=(SEARCH,) if action.output is None and state.given.documents else (),
            output=_form(state, action.output),
            max_tokens=action.max_tokens,
            is_closing=action.closing,
        )
        outcome = await ask_for_turn(self._gateway, self._tools, asking, live)
        return _readable(state, action, replace(outcome, by={**outcome.by, "prompt": prompt_hash(messages)}))

    def _context(self, run: Run, state: TeamState, use: Use) -> ToolContext:
        documents = tuple(document.id for document in state.given.documents)
        return ToolContext(
            scope=Scope(workspace_id=run.workspace_id, project_id=run.project_id, actor=SYSTEM),
            db=self._db,
            run_id=run.id,
            idempotency_key=f"{run.id}:{use.key}",
            document_ids=documents,
            offered=(SEARCH,) if documents else (),
        )

    def open(self, tx: Tx, scope: Scope, given: JsonObject) -> JsonObject:
        """Raises NoSuchTeam, NoSuchDocument, UnknownModel."""
        request = TeamRequest.model_validate(given)
        if request.models:
            self._gateway.check(tuple(request.models), own_providers(tx, scope))
        documents = (get_document(tx, scope, document_id) for document_id in dict.fromkeys(request.documents))
        opened = TeamInput(
            team=get_team(request.team),
            name=request.name,
            description=request.description,
            documents=tuple(AttachedDocument(id=document.id, title=document.title) for document in documents),
            models=tuple(request.models),
            max_rounds=request.max_rounds,
            max_revision_rounds=request.max_revision_rounds,
            memory_size=request.memory_size,
        )
        return opened.model_dump(mode="json")

    def project(self, tx: Tx, run: Run, before: TeamState, after: TeamState, entry: Entry) -> None:
        """A finished step's text becomes the next version of its artifact; the run shows its plan and round."""
        if len(after.plans) > len(before.plans):
            tx.write(_SET_PLAN, {"this_run": run.id, "made": after.plan.model_dump(mode="json")})
        if len(after.rounds) > len(before.rounds):
            tx.write(_SET_ROUND, {"this_run": run.id, "rounds": len(after.rounds)})
        if after.turns is before.turns:
            return
        key = entry.key.rpartition(".m")[0]
        turn = after.turns.get(key)
        if turn is not None and turn.answer is not None:
            put_artifact(tx, run, artifact_name(str(turn.plan.recipe["step"])), turn.answer.text)


def prompt_hash(messages: tuple[Message, ...]) -> str:
    return sha256(canonical([message_to_json(message) for message in messages])).hexdigest()


def _transcript(state: TeamState, action: Call) -> tuple[Message, ...]:
    turn = state.turns.get(action.group)
    return turn.transcript if turn is not None else ()


def _form(state: TeamState, output: str | None) -> Form | None:
    team = state.given.team
    match output:
        case "plan":
            roles = [role.slug for role in team.members]
            return form(Plan, lambda plan: check_plan(team.seated(plan), roles), plan_schema(team))
        case "verdict":
            return form(Verdict, lambda verdict: check_verdict(verdict, state.steps.keys()))
        case "summary":
            return form(Summary)
        case _:
            return None


def plan_schema(team: TeamSpec) -> OutputSchema:
    """A plan's form with the team's roles as the only ones there are."""
    schema: JsonObject = Plan.model_json_schema()
    roles: list[Json] = [role.slug for role in team.members]
    match schema:
        case {"$defs": {"Step": {"properties": {"role": dict(role)}}}}:
            role["enum"] = roles
    return OutputSchema("Plan", schema)


def _readable(state: TeamState, action: Call, outcome: Outcome) -> Outcome:
    """The outcome with a plan's roles as slugs, and with what stands in for an answer nobody can read.

    An unreadable plan ends the run; an unreadable verdict is an abstention, which never approves; a summary
    can be made out of the journal.
    """
    match action.output, outcome.value, outcome.fault:
        case "plan", dict(value), None:
            plan = state.given.team.seated(Plan.model_validate(value["output"]))
            return replace(outcome, value={**value, "output": plan.model_dump(mode="json")})
        case "plan", _, Fault(code=code, sentence=sentence) if code in _UNREADABLE:
            return replace(outcome, fault=Fault(code="invalid_plan", sentence=sentence))
        case "verdict" | "summary", _, Fault(code=code, sentence=sentence) if code in _UNREADABLE:
            return replace(outcome, fault=None, value={"output": None, ABSTAINED: sentence})
        case _:
            return outcome
