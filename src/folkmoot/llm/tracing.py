"""Calls of language models as spans, in the words of OpenTelemetry's conventions for generative AI."""

from collections.abc import Awaitable, Sequence
from typing import Protocol, TypeVar

from folkmoot.kernel.json import Json, JsonObject, dumps
from folkmoot.kernel.tracing import Attribute, Span, Tracer
from folkmoot.llm.embeddings import Embedded
from folkmoot.llm.faults import ModelFault
from folkmoot.llm.messages import Assistant, Message, OutputSchema, System, ToolResult, Usage, User

_PROVIDERS = {"google": "gcp.gemini"}
"""Where the conventions call a provider otherwise than this product does."""


class Asked(Protocol):
    """The part of a request that spans tell."""

    @property
    def messages(self) -> tuple[Message, ...]: ...

    @property
    def output(self) -> OutputSchema | None: ...

    @property
    def max_tokens(self) -> int: ...

    @property
    def temperature(self) -> float | None: ...


class Answered(Protocol):
    """The part of an answer that spans tell."""

    @property
    def usage(self) -> Usage: ...

    @property
    def finish(self) -> str: ...

    @property
    def message(self) -> Assistant: ...


A = TypeVar("A", bound=Answered)


async def traced_chat(tracer: Tracer, request: Asked, name: str, call: Awaitable[A]) -> A:
    """One call of the model `provider:name`. What was said is part of it only where the tracer takes it."""
    attributes = {**_named("chat", name), **_asked(request)}
    if tracer.with_content:
        attributes |= _said(request.messages)
    with tracer.span(f"chat {name.partition(':')[2]}", attributes, kind="client") as span:
        try:
            answer = await call
        except ModelFault as fault:
            if fault.usage is not None:
                _count(span, fault.usage)
            raise
        _count(span, answer.usage)
        span.set({"gen_ai.response.model": answer.usage.model, "gen_ai.response.finish_reasons": (answer.finish,)})
        if tracer.with_content:
            reply = {**_part(answer.message), "finish_reason": answer.finish}
            span.set({"gen_ai.output.messages": dumps([reply])})
        return answer


async def traced_embedding(tracer: Tracer, name: str, call: Awaitable[Embedded]) -> Embedded:
    """One call of a model for embeddings."""
    with tracer.span(f"embeddings {name.partition(':')[2]}", _named("embeddings", name), kind="client") as span:
        embedded = await call
        _count(span, embedded.usage)
        if embedded.vectors:
            span.set({"gen_ai.embeddings.dimension.count": len(embedded.vectors[0])})
        return embedded


def _named(operation: str, name: str) -> dict[str, Attribute]:
    provider, _, model = name.partition(":")
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
        "gen_ai.request.model": model,
    }


def _asked(request: Asked) -> dict[str, Attribute]:
    asked: dict[str, Attribute] = {
        "gen_ai.request.max_tokens": request.max_tokens,
        "gen_ai.output.type": "text" if request.output is None else "json",
    }
    if request.temperature is not None:
        asked["gen_ai.request.temperature"] = request.temperature
    return asked


def _count(span: Span, usage: Usage) -> None:
    span.set(
        {
            "gen_ai.usage.input_tokens": usage.input_tokens,
            "gen_ai.usage.output_tokens": usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        }
    )
    if usage.cost is not None:
        span.set({"folkmoot.cost_usd": float(usage.cost)})


def _said(messages: Sequence[Message]) -> dict[str, Attribute]:
    system: list[Json] = [_text(message.text) for message in messages if isinstance(message, System)]
    said: list[Json] = [_part(message) for message in messages if not isinstance(message, System)]
    told: dict[str, Attribute] = {"gen_ai.input.messages": dumps(said)}
    return {**told, "gen_ai.system_instructions": dumps(system)} if system else told


def _part(message: Message) -> JsonObject:
    """A message as the conventions write it."""
    match message:
        case System(text=text):
            return {"role": "system", "parts": [_text(text)]}
        case User(text=text):
            return {"role": "user", "parts": [_text(text)]}
        case Assistant(text=text, calls=calls):
            parts: list[Json] = [_text(text)] if text else []
            parts += [
                {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments} for call in calls
            ]
            return {"role": "assistant", "parts": parts}
        case ToolResult(call_id=call_id, text=text):
            answer: JsonObject = {"type": "tool_call_response", "id": call_id, "response": text}
            return {"role": "tool", "parts": [answer]}


def _text(text: str) -> JsonObject:
    return {"type": "text", "content": text}
