"""What every provider's wire can do, for who does not care which it is."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Protocol

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.catalogue import ListedModel
from folkmoot.llm.choice import Place
from folkmoot.llm.embeddings import MOST_DIMENSIONS, Purpose, Vector
from folkmoot.llm.faults import AnswerMalformed
from folkmoot.llm.speech import Speaker
from folkmoot.llm.wire.assembly import loaded
from folkmoot.llm.wire.errors import MAX_ERROR_BYTES, fault_of
from folkmoot.llm.wire.link import Link, Reply

_BYTES_PER_NUMBER = 32
_LISTED_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Vectors:
    """As a provider gives them; `tokens` is what it has counted, None where it does not count."""

    vectors: tuple[Vector, ...]
    tokens: int | None


class Wire(Protocol):
    """One place. Every call is a single one, without a second try, and raises ModelFault."""

    def model(self, name: str) -> Speaker: ...

    async def listed(self) -> tuple[ListedModel, ...]:
        """The models that the place has, in its order."""

    async def embed(self, model: str, texts: Sequence[str], purpose: Purpose) -> Vectors: ...


async def get_json(place: Place, link: Link, path: str) -> Json:
    async with link.get(place, path) as reply:
        return await _json(reply, place, _LISTED_BYTES)


async def post_json(place: Place, link: Link, path: str, body: bytes, most_bytes: int = _LISTED_BYTES) -> Json:
    async with link.post(place, path, body, is_streamed=False) as reply:
        return await _json(reply, place, most_bytes)


async def _json(reply: Reply, place: Place, most_bytes: int) -> Json:
    if reply.status != 200:
        said = await reply.read_some(MAX_ERROR_BYTES)
        raise fault_of(reply.status, said, place, reply.header("Retry-After"))
    return loaded(await reply.read(most_bytes))


def most_bytes(texts: Sequence[str]) -> int:
    """How large an answer with one vector for each text may be."""
    return (len(texts) + 1) * MOST_DIMENSIONS * _BYTES_PER_NUMBER


def vectors_of(found: Sequence[Json], texts: Sequence[str]) -> tuple[Vector, ...]:
    """One for each text, all of one length. Raises AnswerMalformed."""
    vectors = tuple(_vector(one) for one in found)
    if len(vectors) != len(texts):
        raise AnswerMalformed(f"The model answers {len(texts)} texts with {len(vectors)} vectors")
    if len({len(vector) for vector in vectors}) > 1:
        raise AnswerMalformed("The model's vectors have different lengths")
    return vectors


def _vector(numbers: Json) -> Vector:
    if not isinstance(numbers, list) or not 0 < len(numbers) <= MOST_DIMENSIONS:
        raise AnswerMalformed("The model answers a text with no vector")
    floats = [number for number in numbers if isinstance(number, int | float)]
    vector = array("f", floats) if len(floats) == len(numbers) else array("f", [inf])
    if not isfinite(sum(vector)):
        raise AnswerMalformed("The model answers a text with a vector of no numbers")
    return vector


def objects(body: Json, member: str) -> list[JsonObject]:
    """The objects in a list of an answer. Raises AnswerMalformed where there is no list."""
    listed = body.get(member) if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise AnswerMalformed
    return [one for one in listed if isinstance(one, dict)]
