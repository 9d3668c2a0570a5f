"""Carrying out a turn's calls: one question to a language model, one use of a tool, each as an Outcome."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel

from folkmoot.kernel.clock import now
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.faults import ModelFault, RateLimited, UnknownModel
from folkmoot.llm.gateway import Answer, Gateway, Request
from folkmoot.llm.messages import Assistant, Message, OutputSchema, System, ToolCall, message_to_json
from folkmoot.llm.structured import fitted
from folkmoot.runs.journal import Effect, Fault, Live, Outcome, Use
from folkmoot.tools.registry import ToolContext, ToolRegistry

T = TypeVar("T", bound=BaseModel)

PAUSE_SECONDS = 10.0
"""A pause asked for by a provider, up to which the gateway sleeps in place; a longer one frees the worker."""

LONGEST_PAUSE_SECONDS = 3600.0
"""A provider that asks for more has failed."""

_LAST_WORD = "No further tools can be used. Give your whole answer now, from what you have, and say what is missing."


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
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


async def ask_for_turn(gateway: Gateway, tools: ToolRegistry, asking: Asking, live: Live | None = None) -> Outcome:
    """The answer as a turn takes it: the message, the `effects` of its tool calls, the validated `output`.

    Whatever a provider does wrong is the outcome's fault; after a pause it asks for, the question is due
    again. Streamed into `live` where that is given.
    """
    by: JsonObject = {"role": asking.role, "agent_id": asking.agent_id}
    try:
        answer, output = await _ask(gateway, _request(tools, asking), asking.output, live)
    except UnknownModel as unknown:
        return Outcome(fault=Fault(code=unknown.code, sentence=unknown.detail), by=by)
    except ModelFault as fault:
        return _faulted(fault, by)
    calls = () if asking.is_closing and answer.text else answer.calls
    value: JsonObject = {
        **message_to_json(Assistant(answer.text, calls)),
        "effects": [_effect(tools, asking, call) for call in calls],
        "models": [*answer.models],
    }
    if output is not None:
        value["output"] = output
    return Outcome(value=value, usage=answer.usage, by={**by, **_speaker(answer.models[-1])})


async def use_for_turn(tools: ToolRegistry, context: ToolContext, use: Use) -> Outcome:
    """The tool's answer as {text, is_error}: whatever goes wrong is told to the language model."""
    by: JsonObject = {"agent_id": use.agent_id, "tool": use.tool}
    call = ToolCall(use.call_id, use.tool, use.arguments)
    if call.malformed is not None:
        text = "Error: the arguments were not a JSON object. Call the tool again with one."
        return Outcome(value={"text": text, "is_error": True}, by=by)
    return Outcome(value=await tools.use(context, use.tool, use.arguments), by=by)


def _request(tools: ToolRegistry, asking: Asking) -> Request:
    return Request(
        workspace_id=asking.workspace_id,
        models=asking.models,
        messages=_without_tools(asking.messages) if asking.is_closing and asking.tools else asking.messages,
        tools=() if asking.is_closing else tools.schemas(asking.tools),
        output=asking.output.schema if asking.output else None,
        max_tokens=asking.max_tokens,
        temperature=asking.temperature,
    )


def _without_tools(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The last word is asked for in the system text: a further user message would change the question."""
    match messages:
        case (System(text=text), *rest):
            return (System(f"{text}\n\n{_LAST_WORD}"), *rest)
        case _:
            return (System(_LAST_WORD), *messages)


async def _ask(gateway: Gateway, request: Request, output: Form | None, live: Live | None) -> tuple[Answer, Json]:
    answer = await gateway.ask(request, live)
    if output is None or answer.calls:
        return answer, None
    value, answer = await fitted(gateway, request, answer, output.type_, check=output.check, deltas=live)
    return answer, value.model_dump(mode="json")


def _effect(tools: ToolRegistry, asking: Asking, call: ToolCall) -> Effect:
    """A call that will be answered with an error, unread, has none."""
    return tools.effect(call.name) if call.name in asking.tools and call.malformed is None else "none"


def _faulted(fault: ModelFault, by: JsonObject) -> Outcome:
    model = fault.facts.get("model")
    by = {**by, **_speaker(model)} if isinstance(model, str) else by
    if isinstance(fault, RateLimited) and PAUSE_SECONDS < fault.retry_after <= LONGEST_PAUSE_SECONDS:
        return Outcome(retry_at=now() + timedelta(seconds=fault.retry_after), usage=fault.usage, by=by)
    told = Fault(code=fault.code, sentence=fault.detail, retryable=fault.retryable)
    return Outcome(fault=told, usage=fault.usage, by=by)


def _speaker(name: str) -> JsonObject:
    provider, _, model = name.partition(":")
    return {"provider": provider, "model": model}
