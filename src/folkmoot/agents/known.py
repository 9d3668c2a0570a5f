"""Answers that are known: looked up before a question is asked, and kept where they may be given again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from importlib.metadata import version as version_of

from folkmoot.kernel.json import Json, JsonObject, canonical
from folkmoot.llm.cache import AnswerCache
from folkmoot.llm.gateway import Gateway, Request
from folkmoot.llm.messages import Assistant, ToolResult, UnknownFormat, Usage, message_from_json, message_to_json
from folkmoot.runs.journal import Outcome

Fits = Callable[[Json], bool]
"""Whether a kept `output` has the form that is asked for."""

_VERSION = version_of("folkmoot")


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the answer to one question is, or will be."""

    cache: AnswerCache
    key: str
    names: tuple[str, ...]
    by: JsonObject
    fits: Fits

    async def find(self) -> Outcome | None:
        """The known answer, which takes nothing. What cannot be read any more is asked for again."""
        value = await self.cache.find(self.key)
        name = _speaker(value)
        if value is None or name is None or not self.fits(value.get("output")):
            return None
        provider, _, model = name.partition(":")
        usage = Usage(0, 0, 0, Decimal(0), 0.0, provider, model, cache="hit")
        return Outcome(value=value, usage=usage, by={**self.by, "provider": provider, "model": model})

    async def keep(self, outcome: Outcome) -> Outcome:
        """The outcome, counted as one that was not known.

        An answer that calls tools is not kept, nor what another model said while the preferred one failed.
        """
        if outcome.usage is None:
            return outcome
        name = _speaker(outcome.value)
        if outcome.value is not None and name is not None and (len(self.names) == 1 or name == self.names[0]):
            await self.cache.keep(self.key, outcome.value)
        return replace(outcome, usage=replace(outcome.usage, cache="miss"))


async def shelf_of(gateway: Gateway, request: Request, by: JsonObject, fits: Fits) -> Shelf | None:
    """None where there is no cache, or the question follows from what tools have said. Raises UnknownModel."""
    cache = gateway.cache
    if cache is None or any(isinstance(message, ToolResult) for message in request.messages):
        return None
    names = await gateway.names_for(request)
    return Shelf(cache, key_of(request, names, _VERSION), names, by, fits)


def _speaker(value: Json) -> str | None:
    """Who gave an answer, if it is a whole one without calls of tools."""
    match value:
        case {"calls": [], "models": [*_, str(name)]}:
            try:
                return name if isinstance(message_from_json(value), Assistant) else None
            except UnknownFormat:
                return None
        case _:
            return None


def key_of(request: Request, models: Sequence[str], version: str) -> str:
    """Of everything that the answer depends on; `models` are the full names of those that would be asked.

    An answer of another version of this software is not known: prompts and forms may mean something else to it.
    """
    tools: list[Json] = [
        {"name": tool.name, "description": tool.description, "parameters": tool.parameters} for tool in request.tools
    ]
    asked: JsonObject = {
        "workspace": request.workspace_id,
        "models": [*models],
        "parameters": {"max_tokens": request.max_tokens, "temperature": request.temperature},
        "messages": [message_to_json(message) for message in request.messages],
        "tools": tools,
        "output": None if request.output is None else {"name": request.output.name, "schema": request.output.schema},
        "version": version,
    }
    return f"{request.workspace_id}:{sha256(canonical(asked)).hexdigest()}"
