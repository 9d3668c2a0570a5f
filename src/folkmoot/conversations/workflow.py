"""The reply: a run whose procedure is one turn, kept as a message of its conversation."""

from dataclasses import replace

from pydantic import RootModel

from folkmoot.agents.calls import AGENT_GONE, Asking, Form, context_of, form, use_for_turn
from folkmoot.agents.manners import Manners, Moment, ask_in_manner, manner_of
from folkmoot.agents.queries import find_speaker
from folkmoot.agents.schemas import AgentConfig
from folkmoot.agents.turn import Turn, TurnPlan
from folkmoot.conversations.material import Heard, read_material
from folkmoot.conversations.prompt import Persona, reply_prompt
from folkmoot.conversations.queries import documents_tagged
from folkmoot.conversations.service import REPLY, keep_reply
from folkmoot.db.tx import Tx
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.json_schema import errors_of
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.kernel.values import fixed
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.messages import OutputSchema
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.journal import Action, Call, End, Entry, Live, Outcome, Settlement, Use
from folkmoot.runs.tables import Run
from folkmoot.tools.registry import ToolRegistry
from folkmoot.tools.service import offered

_TURN = "reply"
_MOST_TOKENS = 4096
_SETTLED = {
    "timeout": "The reply ran out of time",
    "call_limit": "The reply made as many calls of a language model as a run may",
}


class AnyAnswer(RootModel[Json]):
    """A structured answer whose shape is the agent's own."""


@fixed
class Replying:
    """The state of a reply. `asked` is the run's input, `models` are those that have answered."""

    asked: JsonObject
    turn: Turn
    models: tuple[str, ...] = ()


class ReplyProcedure:
    """One turn, then the end."""

    def begin(self, entry: Entry) -> Replying:
        given = entry.data["input"]
        asked = given if isinstance(given, dict) else {}
        most = asked.get("max_tokens")
        plan = TurnPlan(
            key=_TURN,
            role="agent",
            recipe={"kind": REPLY, "history_upto": asked.get("history_upto")},
            agent_id=str(asked.get("agent_id")),
            max_tokens=most if isinstance(most, int) else _MOST_TOKENS,
        )
        return Replying(asked, Turn(plan=plan))

    def apply(self, state: Replying, entry: Entry) -> Replying:
        turn = state.turn.apply(entry)
        if turn is state.turn:
            return state
        value = entry.data.get("value")
        answered = value.get("models") if isinstance(value, dict) else None
        names = [name for name in answered if isinstance(name, str)] if isinstance(answered, list) else []
        return replace(state, turn=turn, models=tuple(dict.fromkeys((*state.models, *names))))

    def wanted(self, state: Replying) -> tuple[Action, ...]:
        return (_end(state),) if state.turn.is_over else state.turn.wanted()

    def facts(self, state: Replying, entry: Entry) -> tuple[Fact, ...]:
        return ()

    def settle(self, state: Replying, reason: Settlement) -> End:
        if reason == "cancelled":
            return End(status="cancelled", stop_reason=reason, result=_ids(state))
        sentence = _SETTLED.get(reason, "The reply was stopped")
        return End(
            status="timeout" if reason == "timeout" else "failed",
            stop_reason=reason,
            result=_ids(state),
            error_code=reason,
            error_message=sentence,
        )


def _end(state: Replying) -> End:
    answer, fault = state.turn.answer, state.turn.fault
    if answer is None:
        assert fault is not None, "a turn ends with an answer or a fault"
        return End(
            status="failed",
            stop_reason="model_failed",
            result=_ids(state),
            error_code=fault.code,
            error_message=fault.sentence,
        )
    result: JsonObject = {**_ids(state), "response": answer.text, "models": [*state.models]}
    result["reply_id"] = state.asked.get("reply_id")
    if state.turn.output is not None:
        result["output"] = state.turn.output
    return End(status="completed", stop_reason="answered", result=result, said=answer.text)


def _ids(state: Replying) -> JsonObject:
    return {name: state.asked.get(name) for name in ("conversation_id", "message_id")}


class ReplyExecutor:
    """Runs of kind `reply`."""

    kind = REPLY
    version = 1
    takes_slot = False
    procedure = ReplyProcedure()

    def __init__(
        self, engine: RunEngine, gateway: Gateway, tools: ToolRegistry, manners: Manners | None = None
    ) -> None:
        self._engine = engine
        self._gateway = gateway
        self._tools = tools
        self._manners: Manners = manners or {}
        self.heard = Heard()

    def open(self, tx: Tx, scope: Scope, given: JsonObject) -> JsonObject:
        """A question was checked by the verb that stores it."""
        return given

    def project(self, tx: Tx, run: Run, before: Replying, after: Replying, entry: Entry) -> None:
        if entry.kind == "ended":
            self.heard.take(run.id)  # where it was stopped before it called
            result = entry.data.get("result")
            keep_reply(tx, self._engine, run, result if isinstance(result, dict) else {})

    async def perform(self, run: Run, state: Replying, action: Call | Use, live: Live) -> Outcome:
        scope = Scope(run.workspace_id, run.project_id, Actor("agent", str(action.agent_id), "agent"))
        if isinstance(action, Use):
            return await self._use(run, scope, action)
        heard = self.heard.take(run.id)
        if heard is None or run.is_resumed:  # what was heard then may be old now
            heard = await self._engine.database.read(read_material, scope, state.asked)
        if heard is None:
            return Outcome(fault=AGENT_GONE)
        agent, config, said = heard.agent, heard.config, heard.said
        offer = await offered(self._engine.database, self._tools, scope, config.tools)
        context = context_of(self._engine.database, run, scope, offer, action)
        persona = Persona(
            name=agent.name,
            description=agent.description,
            instructions=config.instructions,
            has_tools=bool(offer.names),
        )
        asking = Asking(
            role=action.role,
            workspace_id=run.workspace_id,
            agent_id=agent.id,
            messages=reply_prompt(persona, said, state.turn.transcript),
            models=config.preferred_models,
            tools=offer.names,
            output=answer_form(config.output_schema),
            max_tokens=action.max_tokens,
            temperature=config.temperature,
            is_closing=action.closing,
            is_streamed=state.asked.get("is_streamed") is True,
            context=context if offer.names else None,
        )
        moment = Moment(
            run=run, turn=state.turn, question=said[-1].text, asking=asking, tools=offer.tools, context=context
        )
        manner = manner_of(self._manners, agent.agent_type, may_delegate=config.may_delegate)
        return await ask_in_manner(self._gateway, manner, moment, live)

    async def _use(self, run: Run, scope: Scope, use: Use) -> Outcome:
        config, documents = await self._engine.database.read(_reach, scope)
        offer = await offered(self._engine.database, self._tools, scope, config.tools)
        context = context_of(self._engine.database, run, scope, offer, use)
        return await use_for_turn(offer.tools, replace(context, document_ids=documents), use)


def _reach(tx: Tx, scope: Scope) -> tuple[AgentConfig, tuple[str, ...] | None]:
    """What the agent may use now, and the documents it may search, None for all."""
    agent = find_speaker(tx, scope, scope.actor.id)
    config = AgentConfig.model_validate(agent.config if agent else {})
    tags = config.knowledge_tags
    return config, documents_tagged(tx, scope, tags) if tags else None


def answer_form(schema: JsonObject | None) -> Form | None:
    """The form of an agent that answers in a shape of its own."""
    if schema is None:
        return None

    def check(answer: AnyAnswer) -> None:
        errors = errors_of(schema, answer.root)
        if errors:
            lines = (f"{'.'.join(map(str, _list(error['loc'])))}: {error['msg']}" for error in errors)
            raise ValueError("; ".join(lines))

    return form(AnyAnswer, check, OutputSchema("answer", schema))


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
