"""Carrying out a turn's calls: one question to a language model, one use of a tool, each as an Outcome."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel

from folkmoot.agents.known import Fits, shelf_of
from folkmoot.db.database import Database
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.values import fixed
from folkmoot.llm.faults import Failed, ModelFault, RateLimited, UnknownModel
from folkmoot.llm.gateway import Account, Answer, Deltas, Gateway, Request
from folkmoot.llm.messages import Assistant, Message, OutputSchema, System, ToolCall, message_to_json
from folkmoot.llm.structured import fitted
from folkmoot.runs.driver import idempotency_key
from folkmoot.runs.held import CallHeld, CallLater
from folkmoot.runs.journal import Call, Effect, Fault, Live, Outcome, Use
from folkmoot.runs.tables import Run
from folkmoot.tools.registry import ToolContext, ToolRegistry
from folkmoot.tools.service import Offer

T = TypeVar("T", bound=BaseModel)

PAUSE_SECONDS = 10.0
"""A pause asked for by a provider, up to which the gateway sleeps in place; a longer one frees the worker."""

LONGEST_PAUSE_SECONDS = 3600.0
"""A provider that asks for more has failed."""

AGENT_GONE = Fault(code="agent_gone", sentence="The agent is not there any more")

_EXCERPT = 300

_LAST_WORD = "No further tools can be used. Give your whole answer now, from what you have, and say what is missing."


@fixed
class Form:
    """The shape an answer has to have: a type, and what the type cannot say. Made by `form`."""

    type_: type[BaseModel]
    check: Callable[[BaseModel], object] | None
    schema: OutputSchema


def form(type_: type[T], check: Callable[[T], object] | None = None, schema: OutputSchema | None = None) -> Form:
    """`check` refuses a value by raising ValueError; the model is shown `schema`, else the type's own."""

    def checked(value: BaseModel) -> None:
        assert isinstance(value, type_), "it was validated as one"
        if check is not None:
            check(value)

    shown = schema or OutputSchema(type_.__name__, type_.model_json_schema())
    return Form(type_, checked if check is not None else None, shown)


@fixed(kw_only=True)
class Asking:
    """One question of a turn, asked with the keys of the workspace that it is asked in.

    `tools` are names in the registry; a closing question offers none. `models` in order of preference,
    empty means the default one.
    """

    role: str
    messages: tuple[Message, ...]
    workspace_id: str
    agent_id: str | None = None
    models: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    output: Form | None = None
    max_tokens: int = 4096
    temperature: float | None = None
    is_closing: bool = False
    is_streamed: bool = True
    is_cacheable: bool = False
    """Whether the answer to exactly the same question may be given again; a judgement always has to be new."""
    context: ToolContext | None = None
    """For whom the tools that a turn waits for are planned; None where none of the offered ones is such a tool."""


def context_of(db: Database, run: Run, scope: Scope, offer: Offer, action: Call | Use) -> ToolContext:
    """For whom an action's tools act: the agent of `scope`, where it is one. It may search all of the workspace."""
    return ToolContext(
        scope=scope,
        db=db,
        run_id=run.id,
        agent_id=scope.actor.id if scope.actor.kind == "agent" else None,
        idempotency_key=idempotency_key(run.id, action) if isinstance(action, Use) else "",
        offered=offer.names,
        approved_first=offer.approved_first,
    )


async def ask_for_turn(gateway: Gateway, tools: ToolRegistry, asking: Asking, live: Live | None = None) -> Outcome:
    """The answer as a turn takes it: the message, the `effects` of its tool calls, the validated `output`.

    Whatever a provider does wrong is the outcome's fault; after a pause it asks for, the question is due
    again. Paid for by the account of `live`, and streamed into it where it is to be.
    """
    request = _request(tools, asking, live.account if live is not None else None)
    try:
        shelf = await shelf_of(gateway, request, _by(asking), _fits(asking.output)) if asking.is_cacheable else None
        known = await shelf.find() if shelf is not None else None
        if shelf is not None:
            gateway.figures.looked_up(is_known=known is not None)
        if known is not None:
            return known
        outcome = await _ask(gateway, tools, asking, request, live if asking.is_streamed else None)
    except UnknownModel as unknown:
        return Outcome(fault=Fault(code=unknown.code, sentence=unknown.detail), by=_by(asking))
    except CallHeld as held:
        return Outcome(held=held.held, by=_by(asking))
    except CallLater as later:
        outcome = Outcome(retry_at=later.at, by=_by(asking))
    if outcome.retry_at is not None and live is not None and live.account is not None:
        await live.account.give_back()
    return outcome if shelf is None else await shelf.keep(outcome)


async def _ask(
    gateway: Gateway, tools: ToolRegistry, asking: Asking, request: Request, deltas: Deltas | None
) -> Outcome:
    try:
        answer = await gateway.ask(request, deltas)
        wanted, output = asking.output, None
        if wanted is not None and not answer.calls:
            value, answer = await fitted(gateway, request, answer, wanted.type_, check=wanted.check, deltas=deltas)
            output = value.model_dump(mode="json")
    except ModelFault as fault:
        return _faulted(fault, _by(asking))
    return await _outcome(tools, asking, answer, output)


async def _outcome(tools: ToolRegistry, asking: Asking, answer: Answer, output: Json) -> Outcome:
    calls = () if asking.is_closing and answer.text else answer.calls
    value: JsonObject = {
        **message_to_json(Assistant(answer.text, calls)),
        "effects": [_effect(tools, asking, call) for call in calls],
        "models": [*answer.models],
    }
    if asking.context is not None and calls:
        ways = [await _way(tools, asking, asking.context, call) for call in calls]
        if any(ways):
            value["ways"] = [*ways]
    if output is not None:
        value["output"] = output
    return Outcome(value=value, usage=answer.usage, by={**_by(asking), **_speaker(answer.models[-1], answer.failed)})


async def use_for_turn(tools: ToolRegistry, context: ToolContext, use: Use) -> Outcome:
    """The tool's answer as {text, is_error}: whatever goes wrong is told to the language model."""
    by: JsonObject = {"agent_id": use.agent_id, "tool": use.tool}
    call = ToolCall(use.call_id, use.tool, use.arguments)
    if call.malformed is not None:
        text = "Error: the arguments were not a JSON object. Call the tool again with one."
        return Outcome(value={"text": text, "is_error": True}, by=by)
    return Outcome(value=await tools.use(context, use.tool, use.arguments), by=by)


def _by(asking: Asking) -> JsonObject:
    return {"role": asking.role, "agent_id": asking.agent_id}


def _fits(form_: Form | None) -> Fits:
    """Whether a kept output is still what this form takes."""

    def fits(output: Json) -> bool:
        if form_ is None:
            return output is None
        try:
            value = form_.type_.model_validate(output)
            if form_.check is not None:
                form_.check(value)
        except ValueError:
            return False
        return True

    return fits


def _request(tools: ToolRegistry, asking: Asking, account: Account | None) -> Request:
    return Request(
        workspace_id=asking.workspace_id,
        models=asking.models,
        messages=_without_tools(asking.messages) if asking.is_closing and asking.tools else asking.messages,
        tools=() if asking.is_closing else tools.schemas(asking.tools),
        output=asking.output.schema if asking.output else None,
        max_tokens=asking.max_tokens,
        temperature=asking.temperature,
        account=account,
    )


def _without_tools(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The last word is asked for in the system text: a further user message would change the question."""
    match messages:
        case (System(text=text), *rest):
            return (System(f"{text}\n\n{_LAST_WORD}"), *rest)
        case _:
            return (System(_LAST_WORD), *messages)


async def _way(tools: ToolRegistry, asking: Asking, context: ToolContext, call: ToolCall) -> Json:
    """How a call is carried out, None for at once; decided here and journalled with the answer."""
    if call.name not in asking.tools or call.malformed is not None:
        return None
    return await tools.plan(context, call.name, call.arguments)


def _effect(tools: ToolRegistry, asking: Asking, call: ToolCall) -> Effect:
    """A call that will be answered with an error, unread, has none."""
    return tools.effect(call.name) if call.name in asking.tools and call.malformed is None else "none"


def _faulted(fault: ModelFault, by: JsonObject) -> Outcome:
    model = fault.facts.get("model")
    by = {**by, **_speaker(model, fault.failed)} if isinstance(model, str) else by
    if isinstance(fault, RateLimited) and PAUSE_SECONDS < fault.retry_after <= LONGEST_PAUSE_SECONDS:
        return Outcome(retry_at=now() + timedelta(seconds=fault.retry_after), usage=fault.usage, by=by)
    told = Fault(code=fault.code, sentence=fault.detail, retryable=fault.retryable)
    return Outcome(fault=told, usage=fault.usage, by=by)


def _speaker(name: str, failed: Sequence[Failed]) -> JsonObject:
    """Which model it was, and which of its chain failed and why, where the chain is more than one."""
    provider, _, model = name.partition(":")
    told: JsonObject = {"provider": provider, "model": model}
    others: list[Json] = [{"model": one.model, "code": one.code, "sentence": one.sentence[:_EXCERPT]} for one in failed]
    return {**told, "failed": others} if [one.model for one in failed] not in ([], [name]) else told
