"""The wires behind the gateway: which of them answers for a name, and when what a model says is an answer."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from folkmoot.kernel.json import Json, canonical
from folkmoot.llm.catalogue import PRACTICE_MODEL, ListedModel
from folkmoot.llm.choice import AUTO, Place, place
from folkmoot.llm.embeddings import Embedded, Purpose
from folkmoot.llm.faults import (
    AnswerCut,
    AnswerEmpty,
    AnswerFiltered,
    AnswerMalformed,
    AnswerTruncated,
    ModelFault,
    ModelNotFound,
    NoEmbeddings,
    ProviderError,
    UnknownModel,
)
from folkmoot.llm.gateway import Answer, Deltas, Endpoint, Request
from folkmoot.llm.messages import Assistant, Ceiling, Message, ToolResult, Usage, message_to_json
from folkmoot.llm.practice.speaker import PracticeModel
from folkmoot.llm.prices import FREE, Price, find_price
from folkmoot.llm.settings import LlmSettings
from folkmoot.llm.speech import Speaker, Speech
from folkmoot.llm.wire.gemini.wire import GeminiWire
from folkmoot.llm.wire.link import Link
from folkmoot.llm.wire.ollama.wire import OllamaWire
from folkmoot.llm.wire.openai.wire import OpenAIWire
from folkmoot.llm.wire.port import Wire

_MAX_ENDPOINTS = 256  # names come from requests: a bound, not a limit anyone should meet
_CHARACTERS_PER_TOKEN = 4
_REASON = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class ModelEndpoint:
    """One model with its price; what it says is judged here, whatever wire it came over."""

    provider: str
    name: str
    speaker: Speaker
    price: Price | None

    def ceiling(self, request: Request) -> Ceiling:
        read, written = _bytes(request), request.max_tokens
        cost = None if self.price is None else self.price.cost(read, 0, written)
        return Ceiling(provider=self.provider, model=self.name, input_tokens=read, output_tokens=written, cost=cost)

    async def ask(self, request: Request, deltas: Deltas | None) -> Answer:
        started = time.perf_counter()
        said = await self.speaker.ask(request, deltas)
        return self._judged(request, said, time.perf_counter() - started)

    def _judged(self, request: Request, said: Speech, latency: float) -> Answer:
        usage = self._usage(request, said, latency)
        fault = _fault(said)
        if fault is not None:
            fault.facts["provider"] = self.provider
            fault.usage = usage
            raise fault
        return Answer(
            text=said.text,
            calls=said.calls,
            usage=usage,
            models=(f"{self.provider}:{self.name}",),
            finish=said.finish or "stop",
        )

    def _usage(self, request: Request, said: Speech, latency: float) -> Usage:
        read, cached, written = said.counts.read, said.counts.cached, said.counts.written
        is_estimated = not (read or written)
        if is_estimated:
            read = _estimate(request.messages) + _estimate_schemas(request)
            written = _estimate((Assistant(said.text, said.calls),))
        cost = None if self.price is None else self.price.cost(read, cached, written)
        return Usage(read, written, cached, cost, round(latency, 6), self.provider, self.name, is_estimated)


@dataclass(frozen=True, slots=True)
class VectorEndpoint:
    """One model for embeddings with its price."""

    provider: str
    name: str
    wire: Wire
    price: Price | None

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> Embedded:
        started = time.perf_counter()
        found = await self.wire.embed(self.name, texts, purpose)
        latency = round(time.perf_counter() - started, 6)
        read = sum(map(len, texts)) // _CHARACTERS_PER_TOKEN + len(texts) if found.tokens is None else found.tokens
        cost = None if self.price is None else self.price.cost(read, 0, 0)
        usage = Usage(read, 0, 0, cost, latency, self.provider, self.name, estimated=found.tokens is None)
        return Embedded(vectors=found.vectors, model=f"{self.provider}:{self.name}", usage=usage)


class Wires:
    """All endpoints of one gateway, made at the first call to each."""

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings
        self._link = Link(settings.limits)
        self._endpoints: dict[tuple[str, str, str | None], Endpoint] = {}

    async def find(self, provider: str, model: str, key: str | None = None) -> Endpoint:
        """The one that asks with the workspace's own `key`, else with that of the settings.

        Raises UnknownModel, or the ModelFault of asking a server which model it has.
        """
        found = self._endpoints.get((provider, model, key))
        if found is None:
            if len(self._endpoints) >= _MAX_ENDPOINTS:
                self._endpoints.clear()
            found = await self._made(provider, model, key)
            self._endpoints[provider, model, key] = found
        return found

    def find_embedding(self, provider: str, model: str, key: str | None = None) -> VectorEndpoint:
        """Raises NoEmbeddings, UnknownModel."""
        if provider == "practice":
            raise NoEmbeddings
        where = self._place(provider, key)
        return VectorEndpoint(provider, model, self._wire(where), self._price(where, model))

    async def listed(self, provider: str, key: str | None = None) -> tuple[ListedModel, ...]:
        """Raises UnknownModel, ModelFault."""
        if provider == "practice":
            return (PRACTICE_MODEL,)
        return await self._wire(self._place(provider, key)).listed()

    async def aclose(self) -> None:
        await self._link.aclose()

    async def _made(self, provider: str, model: str, key: str | None) -> Endpoint:
        if provider == "practice":
            return ModelEndpoint(provider, model, PracticeModel(), FREE)
        where = self._place(provider, key)
        wire = self._wire(where)
        name = await _first(wire, provider) if model == AUTO else model
        return ModelEndpoint(provider, name, wire.model(name), self._price(where, name))

    def _place(self, provider: str, key: str | None) -> Place:
        where = place(provider, self._settings, key)
        if where is None:
            raise UnknownModel
        return where

    def _wire(self, where: Place) -> Wire:
        match where.provider:
            case "google":
                return GeminiWire(where, self._link)
            case "ollama":
                return OllamaWire(where, self._link)
            case _:
                return OpenAIWire(where, self._link)

    def _price(self, where: Place, name: str) -> Price | None:
        return find_price(where, name, self._settings.prices.get(f"{where.provider}:{name}"))


async def _first(wire: Wire, provider: str) -> str:
    """The name of the first model that can chat. Raises ModelFault."""
    for model in await wire.listed():
        if "chat" in model.abilities:
            return model.name
    raise ModelNotFound(f"{provider} lists no model. Set DEFAULT_MODEL={provider}:NAME")


def open_endpoints(settings: LlmSettings) -> Wires:
    return Wires(settings)


def _fault(said: Speech) -> ModelFault | None:
    """Only a good finish reason makes an answer whole."""
    match said.finish:
        case "length":
            return AnswerTruncated()
        case "content_filter":
            return AnswerFiltered()
        case "error":
            return ProviderError("The language model's provider ended the answer with an error")
        case None:
            return (
                AnswerMalformed(f"The language model's answer ended {_shown(said.told)}") if said.told else AnswerCut()
            )
        case _:
            return None if said.calls or said.text.strip() else AnswerEmpty()


def _shown(reason: str) -> str:
    """A provider's own word, where it is one."""
    return f"with {reason}".replace("_", " ") if _REASON.fullmatch(reason) else "for an unknown reason"


def _bytes(request: Request) -> int:
    """Of everything that is sent; no tokenizer makes more tokens of it."""
    sent: list[Json] = [message_to_json(message) for message in request.messages]
    sent += [
        {"name": tool.name, "description": tool.description, "parameters": tool.parameters} for tool in request.tools
    ]
    if request.output is not None:
        sent.append({"name": request.output.name, "schema": request.output.schema})
    return len(canonical(sent))


def _estimate_schemas(request: Request) -> int:
    shown = [tool.parameters for tool in request.tools]
    if request.output is not None:
        shown.append(request.output.schema)
    return sum(len(str(schema)) for schema in shown) // _CHARACTERS_PER_TOKEN


def _estimate(messages: Sequence[Message]) -> int:
    characters = 0
    for message in messages:
        characters += len(message.text)
        if isinstance(message, Assistant):
            characters += sum(len(call.name) + len(str(call.arguments)) for call in message.calls)
        elif isinstance(message, ToolResult):
            characters += len(message.name)
    return characters // _CHARACTERS_PER_TOKEN + len(messages)
