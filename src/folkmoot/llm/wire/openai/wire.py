"""A place that speaks the OpenAI-compatible wire: its models, its list of them, its embeddings."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.catalogue import Ability, ListedModel
from folkmoot.llm.choice import Place
from folkmoot.llm.embeddings import Purpose
from folkmoot.llm.wire.assembly import tokens, word
from folkmoot.llm.wire.client import Refusal, WireModel
from folkmoot.llm.wire.link import Link
from folkmoot.llm.wire.openai.answer import OpenAIAssembly
from folkmoot.llm.wire.openai.body import NEW_TOKEN_FIELD, OLD_TOKEN_FIELD, Dialect, fields
from folkmoot.llm.wire.port import Vectors, get_json, most_bytes, objects, post_json, vectors_of
from folkmoot.llm.wire.question import Question
from folkmoot.llm.wire.veil import Veil

_NO_CHAT = re.compile(r"whisper|tts|dall-e|image|moderation|audio|realtime|transcribe|sora|babbage|davinci|rerank")


class OpenAIModel(WireModel[Dialect]):
    """One model behind `/chat/completions`."""

    def __init__(self, place: Place, name: str, link: Link) -> None:
        is_openai = "api.openai.com" in place.url
        super().__init__(place, name, link, Dialect(token_field=NEW_TOKEN_FIELD if is_openai else OLD_TOKEN_FIELD))

    def path(self, *, is_streamed: bool) -> str:
        return "/chat/completions"

    def fields(self, question: Question, dialect: Dialect) -> JsonObject:
        return fields(question, dialect)

    def assembly(self) -> OpenAIAssembly:
        return OpenAIAssembly(self.place, self.link.limits.output_characters)

    async def lesser(self, question: Question, dialect: Dialect, refusal: Refusal) -> Dialect | None:
        is_unread = refusal.status == 500 and "validation error" in refusal.complaint  # llama-cpp-python's way
        if refusal.status in (400, 422, 501) or is_unread:
            return dialect.without(refusal.complaint, refusal.sent)
        return None


@dataclass(frozen=True, slots=True)
class OpenAIWire:
    place: Place
    link: Link

    def model(self, name: str) -> OpenAIModel:
        return OpenAIModel(self.place, name, self.link)

    async def listed(self) -> tuple[ListedModel, ...]:
        """What a model can do is not told on this wire: its name is all there is to tell it by."""
        over = Veil(self.place.key).over
        found = objects(await get_json(self.place, self.link, "/models"), "data")
        return tuple(_listed(over(word(one.get("id"))), one) for one in found if one.get("id"))

    async def embed(self, model: str, texts: Sequence[str], purpose: Purpose) -> Vectors:
        asked = {"model": model, "input": [*texts], "encoding_format": "float"}
        body = await post_json(self.place, self.link, "/embeddings", orjson.dumps(asked), most_bytes(texts))
        found = sorted(objects(body, "data"), key=_index)
        return Vectors(vectors_of([one.get("embedding") for one in found], texts), _read(body))


def _listed(name: str, told: JsonObject) -> ListedModel:
    lowered = name.lower()
    abilities: tuple[Ability, ...] = ("chat", "tools", "structured_output")
    if "embed" in lowered:
        abilities = ("embeddings",)
    elif _NO_CHAT.search(lowered):
        abilities = ()
    meta = told.get("meta")  # llama.cpp's; vLLM says max_model_len
    window = tokens(told.get("max_model_len")) or (tokens(meta.get("n_ctx_train")) if isinstance(meta, dict) else None)
    return ListedModel(name=name, abilities=abilities, context_tokens=window)


def _index(one: JsonObject) -> int:
    index = one.get("index")
    return index if isinstance(index, int) else 0


def _read(body: Json) -> int | None:
    usage = body.get("usage") if isinstance(body, dict) else None
    return tokens(usage.get("prompt_tokens")) if isinstance(usage, dict) else None
