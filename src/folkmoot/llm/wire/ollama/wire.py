"""Ollama: its models, its list of them, its embeddings."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import orjson

from folkmoot.kernel.json import Json, JsonObject, clean_json, dumps
from folkmoot.llm.catalogue import Ability, ListedModel
from folkmoot.llm.choice import Place
from folkmoot.llm.embeddings import Purpose
from folkmoot.llm.faults import ModelFault
from folkmoot.llm.wire.assembly import tokens, word
from folkmoot.llm.wire.client import Refusal, WireModel
from folkmoot.llm.wire.errors import is_overflow
from folkmoot.llm.wire.link import Link
from folkmoot.llm.wire.ollama.answer import OllamaAssembly
from folkmoot.llm.wire.ollama.body import Dialect, fields
from folkmoot.llm.wire.port import Vectors, get_json, most_bytes, objects, post_json, vectors_of
from folkmoot.llm.wire.question import Question

_CHARACTERS_PER_TOKEN = 3  # few rather than many: a window that is a little too large costs less than a second refusal
_SMALLEST_WINDOW = 8192
_SHOWN_AT_ONCE = 8
_MOST_SHOWN = 100
_ABILITIES: dict[str, Ability] = {
    "completion": "chat",
    "tools": "tools",
    "embedding": "embeddings",
    "vision": "vision",
    "thinking": "thinking",
}


class OllamaModel(WireModel[Dialect]):
    """One model behind `/api/chat`."""

    def __init__(self, place: Place, name: str, link: Link) -> None:
        super().__init__(place, name, link, Dialect())

    def path(self, *, is_streamed: bool) -> str:
        return "/api/chat"

    def fields(self, question: Question, dialect: Dialect) -> JsonObject:
        return fields(question, dialect)

    def assembly(self) -> OllamaAssembly:
        return OllamaAssembly(self.place, self.link.limits.output_characters)

    async def lesser(self, question: Question, dialect: Dialect, refusal: Refusal) -> Dialect | None:
        """A larger window, as far as the model has one: by itself the server opens a small one for every model."""
        if is_overflow(refusal.complaint):
            largest = (await _shown(self.place, self.link, self.name)).context_tokens or 0
            needed = len(dumps(self.fields(question, dialect))) // _CHARACTERS_PER_TOKEN
            needed += question.request.max_tokens
            wanted = max(_SMALLEST_WINDOW, 2 * (dialect.window or 0), 1 << (needed - 1).bit_length())
            window = min(wanted, largest)
            return replace(dialect, window=window) if window > (dialect.window or 0) else None
        if refusal.status in (400, 500) and "format" in refusal.sent and "grammar" in refusal.complaint.lower():
            return replace(dialect, has_form=False)
        return None


@dataclass(frozen=True, slots=True)
class OllamaWire:
    place: Place
    link: Link

    def model(self, name: str) -> OllamaModel:
        return OllamaModel(self.place, name, self.link)

    async def listed(self) -> tuple[ListedModel, ...]:
        """The list says how large a model is, another call for each what it can do."""
        found = [one for one in objects(await get_json(self.place, self.link, "/api/tags"), "models") if _name(one)]
        at_once = asyncio.Semaphore(_SHOWN_AT_ONCE)

        async def shown(one: JsonObject) -> ListedModel:
            async with at_once:
                known = await _shown_if_possible(self.place, self.link, _name(one))
            details = clean_json({key: one[key] for key in ("size", "modified_at", "details") if key in one})
            return replace(known, details=details if isinstance(details, dict) else {})

        return tuple(await asyncio.gather(*map(shown, found[:_MOST_SHOWN])))

    async def embed(self, model: str, texts: Sequence[str], purpose: Purpose) -> Vectors:
        """A text that is longer than the model's window counts by its beginning, as Ollama does it."""
        asked = {"model": model, "input": [*texts]}
        answer = await post_json(self.place, self.link, "/api/embed", orjson.dumps(asked), most_bytes(texts))
        found = answer.get("embeddings") if isinstance(answer, dict) else None
        vectors = vectors_of(found if isinstance(found, list) else [], texts)
        return Vectors(vectors, tokens(answer.get("prompt_eval_count")) if isinstance(answer, dict) else None)


async def _shown(place: Place, link: Link, name: str) -> ListedModel:
    """What the server says of one model."""
    told = await post_json(place, link, "/api/show", orjson.dumps({"model": name}))
    body: JsonObject = told if isinstance(told, dict) else {}
    said = body.get("capabilities")
    abilities = [_ABILITIES[word] for word in said if word in _ABILITIES] if isinstance(said, list) else []
    if "chat" in abilities:
        abilities.append("structured_output")
    return ListedModel(name=name, abilities=tuple(abilities), context_tokens=_window(body.get("model_info")))


async def _shown_if_possible(place: Place, link: Link, name: str) -> ListedModel:
    """A model whose file is damaged spoils no list."""
    try:
        return await _shown(place, link, name)
    except ModelFault:
        return ListedModel(name=name, abilities=())


def _window(info: Json) -> int | None:
    """`llama.context_length` and the like: the key begins with the model's architecture."""
    if not isinstance(info, dict):
        return None
    found = (tokens(value) for key, value in info.items() if key.endswith(".context_length"))
    return next((value for value in found if value), None)


def _name(one: JsonObject) -> str:
    return word(one.get("name"))
