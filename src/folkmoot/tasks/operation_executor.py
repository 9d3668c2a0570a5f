"""Runs of kind `task`: an operation is done by the class of an agent in this process, or by a language model."""

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.agents.calls import AGENT_GONE, Asking, use_for_turn
from folkmoot.agents.manners import Manners, Moment, ask_in_manner, manner_of
from folkmoot.agents.operations import MethodFailed, Operations
from folkmoot.agents.queries import definition_of, find_instance, get_agent
from folkmoot.agents.schemas import AgentConfig
from folkmoot.agents.service import keep_state
from folkmoot.agents.tables import Agent, AgentDefinition, AgentInstance
from folkmoot.conversations.prompt import Persona, Said, reply_prompt
from folkmoot.conversations.workflow import answer_form
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.knowledge.queries import get_document
from folkmoot.llm.gateway import Gateway
from folkmoot.providers.queries import own_providers
from folkmoot.runs.journal import Call, Entry, Fault, Live, Outcome, Use
from folkmoot.runs.partakers import take_part
from folkmoot.runs.tables import Run
from folkmoot.tasks.means import Wanted, means_for
from folkmoot.tasks.operation import (
    CALL,
    OperationInput,
    OperationProcedure,
    OperationState,
    Speaker,
    method_of,
    text_of,
)
from folkmoot.tools.registry import ToolRegistry


class OperationRequest(BaseModel):
    """What such a run is started with: an agent and an operation, or somebody made up and a text."""

    model_config = ConfigDict(extra="forbid")

    agent: str | None = None
    operation: str | None = None
    parameters: JsonObject = Field(default_factory=dict)
    speaker: Speaker | None = None
    text: str = ""
    documents: list[str] = Field(default_factory=list)
    models: list[str] = Field(default_factory=list)


class OperationChanges(BaseModel):
    """What a run that goes on with the beginning of another may have otherwise."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = Field(None, min_length=1, max_length=100_000)
    parameters: JsonObject | None = None


class OperationExecutor:
    """Runs of kind `task`."""

    kind = "task"
    version = 1
    takes_slot = True
    procedure = OperationProcedure()

    def __init__(
        self,
        db: Database,
        gateway: Gateway,
        tools: ToolRegistry,
        operations: Operations,
        manners: Manners | None = None,
    ) -> None:
        self._db = db
        self._manners: Manners = manners or {}
        self._gateway = gateway
        self._tools = tools
        self._operations = operations

    def open(self, tx: Tx, scope: Scope, given: JsonObject) -> JsonObject:
        """Raises NoSuchAgent, NotInitialized, NoSuchDocument, UnknownModel."""
        request = OperationRequest.model_validate(given)
        documents = tuple(get_document(tx, scope, each).id for each in dict.fromkeys(request.documents))
        method = None
        if request.agent is not None:
            agent = get_agent(tx, scope, request.agent)
            speaker, text = _speaker(agent, tuple(request.models)), request.text
            if request.operation is not None:
                text = text_of(request.operation, request.parameters)
                wanted = method_of(request.operation)
                method = wanted if self._operations.has_method(agent.definition_slug, wanted) else None
        else:
            assert request.speaker is not None, "somebody is asked"
            speaker, text = request.speaker, request.text
        if speaker.models:
            self._gateway.check(speaker.models, own_providers(tx, scope))
        opened = OperationInput(
            speaker=speaker, text=text, documents=documents, parameters=request.parameters, method=method
        )
        return opened.model_dump(mode="json")

    def reopen(self, tx: Tx, scope: Scope, was: JsonObject, changes: JsonObject) -> JsonObject:
        """The input of a run that goes on with another's beginning. Raises ValidationError."""
        wanted = OperationChanges.model_validate(changes)
        changed = {**was, **wanted.model_dump(mode="json", exclude_none=True)}
        return OperationInput.model_validate(changed).model_dump(mode="json")

    def project(self, tx: Tx, run: Run, before: OperationState, after: OperationState, entry: Entry) -> None:
        agent_id = after.given.speaker.agent_id
        if entry.kind == "begun" and agent_id is not None:
            take_part(tx, run, {agent_id: "agent"})

    async def perform(self, run: Run, state: OperationState, action: Call | Use, live: Live) -> Outcome:
        given, speaker = state.given, state.given.speaker
        if isinstance(action, Use) and action.key == CALL:
            return await self._call(run, action)
        wanted = Wanted(
            name=speaker.name,
            agent_id=speaker.agent_id,
            tools=speaker.tools,
            tags=speaker.knowledge_tags,
            files=given.documents,
        )
        means = await means_for(self._db, self._tools, run, wanted, action)
        if isinstance(action, Use):
            return await use_for_turn(means.tools, means.context, action)
        persona = Persona(
            name=speaker.name,
            description=speaker.description,
            instructions=speaker.instructions,
            has_tools=bool(means.names),
        )
        asking = Asking(
            role=action.role,
            workspace_id=run.workspace_id,
            agent_id=speaker.agent_id,
            messages=reply_prompt(persona, [Said(False, given.text)], state.turn.transcript),
            models=speaker.models,
            tools=means.names,
            output=answer_form(speaker.output_schema),
            max_tokens=action.max_tokens,
            temperature=speaker.temperature,
            is_closing=action.closing,
            is_cacheable=not means.names,
            context=means.context_of_calls,
        )
        moment = Moment(
            run=run, turn=state.turn, question=given.text, asking=asking, tools=means.tools, context=means.context
        )
        manner = manner_of(self._manners, speaker.agent_type, may_delegate=speaker.may_delegate)
        return await ask_in_manner(self._gateway, manner, moment, live)

    async def _call(self, run: Run, use: Use) -> Outcome:
        """What the agent's own method returns; an object is the result as it is, anything else its value.

        What the agent keeps of its own is stored after it, as after a hook.
        """
        by: JsonObject = {"agent_id": use.agent_id, "tool": use.tool}
        found = await self._db.read(_instance, str(use.agent_id))
        if found is None:
            return Outcome(fault=AGENT_GONE, by=by)
        try:
            value = await self._operations.do(*found, use.tool, use.arguments)
        except MethodFailed as failed:
            return Outcome(fault=Fault(code=failed.code, sentence=failed.detail), by=by)
        state = self._operations.state(str(use.agent_id))
        if state is not None:
            scope = Scope(run.workspace_id, run.project_id, SYSTEM)
            await self._db.write(keep_state, scope, str(use.agent_id), state)
        return Outcome(value=value if isinstance(value, dict) else {"value": value}, by=by)


def _instance(tx: Tx, agent_id: str) -> tuple[AgentDefinition, AgentInstance] | None:
    instance = find_instance(tx, agent_id)
    return None if instance is None else (definition_of(tx, instance), instance)


def _speaker(agent: Agent, models: tuple[str, ...]) -> Speaker:
    config = AgentConfig.model_validate(agent.config)
    return Speaker(
        name=agent.name,
        description=agent.description,
        instructions=config.instructions,
        agent_id=agent.id,
        models=models or config.preferred_models,
        tools=tuple(config.tools),
        knowledge_tags=tuple(config.knowledge_tags),
        max_tokens=config.max_tokens,
        temperature=config.temperature,
        output_schema=config.output_schema,
        agent_type=agent.agent_type,
        may_delegate=config.may_delegate,
    )
