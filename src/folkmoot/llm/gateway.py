"""The one door to language models: decides what an answer is, asks again where that helps, falls back."""

import asyncio
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Protocol, cast

from folkmoot.llm.choice import PRACTICE, default_model, describe, parse
from folkmoot.llm.faults import (
    AnswerCut,
    CredentialsRefused,
    KeyUnreadable,
    ModelConnectionLost,
    ModelFault,
    ModelNotFound,
    RateLimited,
)
from folkmoot.llm.figures import ModelFigures
from folkmoot.llm.messages import Assistant, Message, OutputSchema, ToolCall, ToolSchema, Usage
from folkmoot.llm.settings import LlmSettings

_MAX_BACKOFF = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked. `models` in order of preference as `provider:name`; empty means the default model.

    A workspace's request goes out with that workspace's own keys where it has some.
    """

    workspace_id: str | None = None
    models: tuple[str, ...] = ()
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...] = ()
    output: OutputSchema | None = None
    max_tokens: int = 4096
    temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer by the models of `models`; with `output` asked for, `text` is its raw JSON text."""

    text: str
    calls: tuple[ToolCall, ...]
    usage: Usage
    models: tuple[str, ...]
    finish: str

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

    async def ask(self, request: Request, deltas: Deltas | None) -> Answer: ...


class Endpoints(Protocol):
    """The wires, loaded at the first call: their libraries cost half a second and 40 MB."""

    async def find(self, provider: str, model: str, key: str | None = None) -> Endpoint: ...

    async def aclose(self) -> None: ...


OwnKeys = Mapping[str, str | None]
"""A workspace's own keys by provider; None is one that is set and cannot be read, which is no reason to use another."""

NO_KEYS: OwnKeys = {}


class KeyRing(Protocol):
    """Who keeps the workspaces' own keys."""

    async def keys_of(self, workspace_id: str, /) -> OwnKeys: ...


class Gateway:
    """Built once from settings; a wrong default model is refused here, at the start.

    Without a `key_ring` all workspaces share the keys of the settings.
    """

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings
        self._limits = settings.limits
        self._default = default_model(settings)
        self._endpoints: Endpoints | None = None
        self.figures = ModelFigures()
        self.key_ring: KeyRing | None = None

    @property
    def default_model(self) -> str:
        return self._default

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

        Streamed if `deltas` is given. A provider that asks for a longer pause than may be slept in place is
        not asked again: RateLimited with its `retry_after`, unless another model answers. Where all fail,
        the fault raised is the first that a later attempt may not meet again, else the last.
        """
        keys = await self._keys_of(request.workspace_id)
        names = self.check(request.models, keys)
        attempt = _Attempt(request, keys, _Watched(deltas) if deltas else None)
        faults: list[ModelFault] = []
        for name in names:
            try:
                return await self._ask_one(name, attempt)
            except ModelFault as fault:
                attempt.add(fault)
                faults.append(fault)
        worth_waiting_for = next((fault for fault in faults if fault.retryable), faults[-1])
        worth_waiting_for.usage = attempt.spent
        raise worth_waiting_for

    async def warm(self) -> None:
        """Loads what the first call would, off the event loop."""
        await self._loaded()

    async def aclose(self) -> None:
        if self._endpoints is not None:
            await self._endpoints.aclose()
            self._endpoints = None

    async def _ask_one(self, name: str, attempt: "_Attempt") -> Answer:
        provider, _, model = name.partition(":")
        key = attempt.keys.get(provider)
        if key is None and provider in attempt.keys:
            raise KeyUnreadable(provider=provider, model=name)
        calls, is_cut = 0, False
        while True:
            calls += 1
            try:
                endpoint = await (await self._loaded()).find(provider, model, key)
                answer = await (attempt.ask_whole(endpoint) if is_cut else attempt.ask(endpoint))
            except ModelFault as fault:
                self.figures.failed(provider, fault)
                fault.facts.setdefault("model", name)
                pause = self._pause(fault, calls)
                if pause is None:
                    raise
                is_cut = calls + 1 == fault.tries and isinstance(fault, AnswerCut | ModelConnectionLost)
                attempt.add(fault)
                await asyncio.sleep(pause)
            else:
                self.figures.answered(provider, answer.usage)
                return answer if attempt.spent is None else replace(answer, usage=attempt.spent + answer.usage)

    def _pause(self, fault: ModelFault, calls: int) -> float | None:
        """Seconds to wait before the next call, None if there is to be none."""
        if calls >= fault.tries or isinstance(fault, CredentialsRefused | ModelNotFound):
            return None
        backoff = min(self._limits.backoff * 2.0 ** (calls - 1), _MAX_BACKOFF)
        backoff *= 1 + random.random() / 4  # noqa: S311 spreads callers, keeps no secret
        if not isinstance(fault, RateLimited):
            return backoff
        asked = fault.retry_after
        return max(asked, backoff) if asked <= self._limits.sleep_in_place else None

    async def _keys_of(self, workspace_id: str | None) -> OwnKeys:
        if self.key_ring is None or workspace_id is None:
            return NO_KEYS
        return await self.key_ring.keys_of(workspace_id)

    async def _loaded(self) -> Endpoints:
        if self._endpoints is None:
            wires = await asyncio.to_thread(import_module, "folkmoot.llm.endpoints")
            if self._endpoints is None:
                self._endpoints = cast(Endpoints, wires.open_endpoints(self._settings))
        return self._endpoints


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
    """One question on its way through tries and models, with what failed calls have taken."""

    request: Request
    keys: OwnKeys = field(repr=False)
    deltas: _Watched | None
    spent: Usage | None = None

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

    def add(self, fault: ModelFault) -> None:
        if fault.usage is not None:
            self.spent = fault.usage if self.spent is None else self.spent + fault.usage
            fault.usage = None
