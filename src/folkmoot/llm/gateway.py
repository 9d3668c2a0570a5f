"""The one door to language models: decides what an answer is, asks again where that helps, falls back."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Protocol, cast

from folkmoot.kernel.tracing import OFF, Tracer
from folkmoot.kernel.values import fixed
from folkmoot.llm.cache import AnswerCache
from folkmoot.llm.catalogue import Catalogue, Lister
from folkmoot.llm.choice import PRACTICE, default_model, describe, embedding_model, parse
from folkmoot.llm.embeddings import Embedded, EmbeddingEndpoint, EmbedRequest, Purpose, batches
from folkmoot.llm.faults import Failed, KeyUnreadable, ModelFault
from folkmoot.llm.figures import ModelFigures
from folkmoot.llm.messages import Assistant, Ceiling, Message, OutputSchema, ToolCall, ToolSchema, Usage
from folkmoot.llm.settings import LlmSettings
from folkmoot.llm.tracing import traced_chat, traced_embedding
from folkmoot.llm.tries import Tries


@fixed(kw_only=True)
class Request:
    """What is asked. `models` in order of preference as `provider:name`; empty means the default model.

    A workspace's request goes out with that workspace's own keys where it has some. A single one has no second try.
    """

    workspace_id: str | None = None
    models: tuple[str, ...] = ()
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...] = ()
    output: OutputSchema | None = None
    max_tokens: int = 4096
    temperature: float | None = None
    is_single: bool = False
    account: "Account | None" = field(default=None, repr=False, compare=False)


class Account(Protocol):
    """Who pays for a request, which may take several calls: tries, other models."""

    async def reserve(self, ceiling: Ceiling, /) -> None:
        """Before every call. Whatever this raises keeps it from being made, and is raised on by the gateway."""

    def took(self, usage: Usage | None, /) -> None:
        """After every call that has come back; None where it was not counted."""


@fixed(kw_only=True)
class Answer:
    """A whole answer by the models of `models`; with `output` asked for, `text` is its raw JSON text.

    `failed` are the models of the request's chain that were asked before and did not answer.
    """

    text: str
    calls: tuple[ToolCall, ...]
    usage: Usage
    models: tuple[str, ...]
    finish: str
    failed: tuple[Failed, ...] = ()

    @property
    def message(self) -> Assistant:
        return Assistant(self.text, self.calls)


class Deltas(Protocol):
    """Who watches an answer being written."""

    def text(self, delta: str, /) -> None: ...

    def reset(self) -> None:
        """What was written so far is void: the model is asked again."""


class Endpoint(Protocol):
    """One model at one place: a single call, no second try."""

    def ceiling(self, request: Request) -> Ceiling: ...

    async def ask(self, request: Request, deltas: Deltas | None) -> Answer: ...


class Endpoints(Lister, Protocol):
    """The wires, loaded at the first call: their libraries cost half a second and 40 MB."""

    async def find(self, provider: str, model: str, key: str | None = None) -> Endpoint: ...

    def find_embedding(self, provider: str, model: str, key: str | None = None) -> EmbeddingEndpoint: ...

    async def aclose(self) -> None: ...


OwnKeys = Mapping[str, str | None]
"""A workspace's own keys by provider; None is one that is set and cannot be read, which is no reason to use another."""

NO_KEYS: OwnKeys = {}


class KeyRing(Protocol):
    """Who keeps the workspaces' own keys."""

    async def keys_of(self, workspace_id: str, /) -> OwnKeys: ...


class Gateway:
    """Built once from settings; a wrong default model, or one for embeddings, is refused here, at the start.

    Without a `key_ring` all workspaces share the keys of the settings.
    """

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings
        self._limits = settings.limits
        self._default = default_model(settings)
        self._embedding = embedding_model(settings) if settings.embedding_model else None
        self._endpoints: Endpoints | None = None
        self.figures = ModelFigures()
        self.tracer: Tracer = OFF
        self.key_ring: KeyRing | None = None
        self.cache: AnswerCache | None = None
        self.catalogue = Catalogue(settings, self._loaded)

    @property
    def default_model(self) -> str:
        return self._default

    @property
    def embedding_model(self) -> str | None:
        """The full name of EMBEDDING_MODEL, None where there is none."""
        return self._embedding

    @property
    def is_practice(self) -> bool:
        return self._default == PRACTICE

    def describe(self) -> str:
        """One line for the banner: which model speaks, where, and what to set for a real one."""
        return describe(self._settings)

    def check(self, models: tuple[str, ...], own: Collection[str] = ()) -> tuple[str, ...]:
        """The full names of the models a request with these would ask; raises UnknownModel.

        `own` are the providers that the workspace has a key of its own for.
        """
        named = tuple(":".join(parse(name, self._settings, own)) for name in models)
        return named or (default_model(self._settings, own) if own else self._default,)

    async def ask(self, request: Request, deltas: Deltas | None = None) -> Answer:
        """The first whole answer of the request's models; raises UnknownModel or a ModelFault.

        Streamed if `deltas` is given. Where a model fails, the next is asked, unless the fault is of a kind that
        does not fall over. Where all fail, the fault raised is the first that a later attempt may not meet again,
        else the last; a provider that asks for a longer pause than may be slept in place makes it RateLimited with
        its `retry_after`.
        """
        keys = await keys_of(self.key_ring, request.workspace_id)
        attempt = _Attempt(request, _Watched(deltas) if deltas else None, self.tracer)
        tries = Tries(self._limits, self.figures, attempt.took, is_single=request.is_single)
        faults: list[ModelFault] = []
        failed: list[Failed] = []
        for name in self.check(request.models, keys):
            try:
                answer = await tries.of(name, partial(attempt.once, await self._loaded(), name, key_for(name, keys)))
            except ModelFault as fault:
                faults.append(fault)
                failed.append(Failed(name, fault.code, fault.detail))
                if not fault.falls_over:
                    break
            else:
                if tries.spent is None and not failed:
                    return answer
                return replace(answer, usage=tries.total(answer.usage), failed=tuple(failed))
        worth_waiting_for = next((fault for fault in faults if fault.retryable), faults[-1])
        worth_waiting_for.usage = tries.spent
        worth_waiting_for.failed = tuple(failed)
        raise worth_waiting_for

    async def embed(self, request: EmbedRequest) -> Embedded:
        """As an Embedder: batch after batch, each tried again where that helps, and never by another model.

        Vectors of different models cannot be compared. Raises UnknownModel, NoEmbeddings or a ModelFault, which
        says what was used until then.
        """
        keys = await keys_of(self.key_ring, request.workspace_id)
        name = embedding_model(self._settings, request.model, keys)
        provider, _, model = name.partition(":")
        endpoint = (await self._loaded()).find_embedding(provider, model, key_for(name, keys))
        tries = Tries(self._limits, self.figures, is_single=request.is_single)
        parts: list[Embedded] = []
        for texts in batches(request.texts):
            try:
                once = partial(_embed_once, self.tracer, name, endpoint, request.purpose, texts)
                parts.append(await tries.of(name, once))
            except ModelFault as fault:
                fault.usage = _total(tries, parts)
                raise
        usage = _total(tries, parts) or Usage(0, 0, 0, None, 0.0, provider, model)
        return Embedded(vectors=tuple(one for part in parts for one in part.vectors), model=name, usage=usage)

    async def names_for(self, request: Request) -> tuple[str, ...]:
        """The full names of the models that a request would ask; raises UnknownModel."""
        return self.check(request.models, await keys_of(self.key_ring, request.workspace_id))

    async def warm(self) -> None:
        """Loads what the first call would, off the event loop."""
        await self._loaded()

    async def aclose(self) -> None:
        if self._endpoints is not None:
            await self._endpoints.aclose()
            self._endpoints = None

    async def _loaded(self) -> Endpoints:
        if self._endpoints is None:
            wires = await asyncio.to_thread(import_module, "folkmoot.llm.endpoints")
            if self._endpoints is None:
                self._endpoints = cast(Endpoints, wires.open_endpoints(self._settings))
        return self._endpoints


async def keys_of(ring: KeyRing | None, workspace_id: str | None) -> OwnKeys:
    return NO_KEYS if ring is None or workspace_id is None else await ring.keys_of(workspace_id)


def key_for(name: str, keys: OwnKeys) -> str | None:
    """The workspace's own key for a model's provider, None where it has none. Raises KeyUnreadable."""
    provider = name.partition(":")[0]
    key = keys.get(provider)
    if key is None and provider in keys:
        raise KeyUnreadable(provider=provider, model=name)
    return key


async def _embed_once(
    tracer: Tracer, name: str, endpoint: EmbeddingEndpoint, purpose: Purpose, texts: Sequence[str], _: bool
) -> Embedded:
    call = endpoint.embed(texts, purpose)
    return await (traced_embedding(tracer, name, call) if tracer.is_on else call)


def _total(tries: Tries, parts: Sequence[Embedded]) -> Usage | None:
    """What all calls have used."""
    usage = tries.spent
    for part in parts:
        usage = part.usage if usage is None else usage + part.usage
    return usage


class _Watched:
    """Deltas that know whether anything was written, so that an untouched stream is not reset."""

    def __init__(self, deltas: Deltas) -> None:
        self._deltas = deltas
        self._written = False

    def text(self, delta: str, /) -> None:
        self._written = True
        self._deltas.text(delta)

    def reset(self) -> None:
        if self._written:
            self._written = False
            self._deltas.reset()


@dataclass(slots=True)
class _Attempt:
    """One question on its way through tries and models."""

    request: Request
    deltas: _Watched | None
    tracer: Tracer

    async def once(self, endpoints: Endpoints, name: str, key: str | None, is_cut: bool) -> Answer:
        """One call of one model; in one piece where those before were cut off."""
        provider, _, model = name.partition(":")
        endpoint = await endpoints.find(provider, model, key)
        await self.reserve(endpoint)
        call = self.ask_whole(endpoint) if is_cut else self.ask(endpoint)
        return await (traced_chat(self.tracer, self.request, name, call) if self.tracer.is_on else call)

    async def reserve(self, endpoint: Endpoint) -> None:
        if self.request.account is not None:
            await self.request.account.reserve(endpoint.ceiling(self.request))

    def took(self, usage: Usage | None) -> None:
        if self.request.account is not None:
            self.request.account.took(usage)

    async def ask(self, endpoint: Endpoint) -> Answer:
        """Streamed if somebody watches; what an earlier call wrote is voided."""
        if self.deltas is not None:
            self.deltas.reset()
        return await endpoint.ask(self.request, self.deltas)

    async def ask_whole(self, endpoint: Endpoint) -> Answer:
        """In one piece: some servers (llama-cpp-python) cut every stream when the next request comes."""
        if self.deltas is not None:
            self.deltas.reset()
        answer = await endpoint.ask(self.request, None)
        if self.deltas is not None and answer.text:
            self.deltas.text(answer.text)
        return answer
