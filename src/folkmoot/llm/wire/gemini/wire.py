"""Gemini: its models, its list of them, its embeddings."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.catalogue import Ability, ListedModel
from folkmoot.llm.choice import Place
from folkmoot.llm.embeddings import Purpose
from folkmoot.llm.faults import ModelNotFound
from folkmoot.llm.wire.assembly import tokens, word
from folkmoot.llm.wire.client import Refusal, WireModel
from folkmoot.llm.wire.gemini.answer import GeminiAssembly
from folkmoot.llm.wire.gemini.body import Dialect, fields, has_form
from folkmoot.llm.wire.link import Link
from folkmoot.llm.wire.port import Vectors, get_json, most_bytes, objects, post_json, vectors_of
from folkmoot.llm.wire.question import Question
from folkmoot.llm.wire.veil import Veil

_NAME = re.compile(r"((?:models|tunedModels)/)?[A-Za-z0-9._-]+")
_TASKS: dict[Purpose, str] = {"document": "RETRIEVAL_DOCUMENT", "query": "RETRIEVAL_QUERY"}
_KINDS_OF_SPEECH = re.compile(r"image|tts|audio|live|veo|imagen|lyria|aqa|robotics|computer-use")


class GeminiModel(WireModel[Dialect]):
    """One model behind `:generateContent`."""

    def __init__(self, place: Place, name: str, link: Link) -> None:
        super().__init__(place, name, link, Dialect())

    def path(self, *, is_streamed: bool) -> str:
        return f"/{resource(self.name)}:{'streamGenerateContent?alt=sse' if is_streamed else 'generateContent'}"

    def fields(self, question: Question, dialect: Dialect) -> JsonObject:
        return fields(question, dialect)

    def assembly(self) -> GeminiAssembly:
        return GeminiAssembly(self.place, self.link.limits.output_characters)

    async def lesser(self, question: Question, dialect: Dialect, refusal: Refusal) -> Dialect | None:
        if refusal.status != 400:
            return None
        return dialect.without(refusal.complaint, has_form(question, dialect))


@dataclass(frozen=True, slots=True)
class GeminiWire:
    place: Place
    link: Link

    def model(self, name: str) -> GeminiModel:
        return GeminiModel(self.place, name, self.link)

    async def listed(self) -> tuple[ListedModel, ...]:
        over = Veil(self.place.key).over
        found = objects(await get_json(self.place, self.link, "/models?pageSize=1000"), "models")
        return tuple(_listed(over(word(one.get("name"))), one) for one in found if one.get("name"))

    async def embed(self, model: str, texts: Sequence[str], purpose: Purpose) -> Vectors:
        name = resource(model)
        asked = [{"model": name, "content": {"parts": [{"text": text}]}, "taskType": _TASKS[purpose]} for text in texts]
        path, body = f"/{name}:batchEmbedContents", orjson.dumps({"requests": asked})
        answer = await post_json(self.place, self.link, path, body, most_bytes(texts))
        found = [one.get("values") for one in objects(answer, "embeddings")]
        return Vectors(vectors_of(found, texts), _read(answer))


def resource(name: str) -> str:
    """A model's name as it stands in a path; people leave `models/` out. Raises ModelNotFound for what can be none."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ModelNotFound("Gemini has no models with such names")
    return name if found[1] else f"models/{name}"


def _listed(name: str, told: JsonObject) -> ListedModel:
    name = name.removeprefix("models/")
    methods = told.get("supportedGenerationMethods")
    does = methods if isinstance(methods, list) else []
    abilities: list[Ability] = []
    if "generateContent" in does and not _KINDS_OF_SPEECH.search(name):
        abilities += ["chat", "structured_output"]
        if not name.startswith("gemma"):
            abilities.append("tools")
    if told.get("thinking") is True:
        abilities.append("thinking")
    if "embedContent" in does:
        abilities.append("embeddings")
    return ListedModel(
        name=name,
        abilities=tuple(abilities),
        context_tokens=tokens(told.get("inputTokenLimit")),
        output_tokens=tokens(told.get("outputTokenLimit")),
    )


def _read(body: Json) -> int | None:
    usage = body.get("usageMetadata") if isinstance(body, dict) else None
    return tokens(usage.get("promptTokenCount")) if isinstance(usage, dict) else None
