"""Vectors of texts: what is asked of a model for embeddings, and what comes back. The gateway is an Embedder."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from folkmoot.llm.messages import Usage

Purpose = Literal["document", "query"]
"""What a text is: one that is kept and searched, or one that is searched with. Some models tell them apart."""

Vector: TypeAlias = "array[float]"
"""Of type `f`: 32-bit floats behind the buffer protocol, so that numpy and databases take it without a copy."""

BATCH_TEXTS = 64
BATCH_CHARACTERS = 200_000
MOST_DIMENSIONS = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedRequest:
    """Texts of one purpose. `model` as `provider:name`; None means EMBEDDING_MODEL.

    A workspace's request goes out with that workspace's own keys where it has some. A single one has no second try.
    """

    texts: tuple[str, ...]
    purpose: Purpose = "document"
    model: str | None = None
    workspace_id: str | None = None
    is_single: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """One vector for each text, in their order, all of one length; as the model gives them, not normalised."""

    vectors: tuple[Vector, ...]
    model: str
    usage: Usage


class Embedder(Protocol):
    """Who makes vectors of texts."""

    @property
    def embedding_model(self) -> str | None:
        """The full name of EMBEDDING_MODEL, None where there is none: search is by text alone then."""

    async def embed(self, request: EmbedRequest, /) -> Embedded:
        """Raises UnknownModel, NoEmbeddings or a ModelFault, which says what was used until then."""


class EmbeddingEndpoint(Protocol):
    """One model at one place: a single call, no second try."""

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> Embedded: ...


def batches(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """The texts in order, in parts that every provider takes in one call."""
    found: list[list[str]] = []
    room = 0
    for text in texts:
        if not found or len(found[-1]) >= BATCH_TEXTS or len(text) > room:
            found.append([])
            room = BATCH_CHARACTERS
        found[-1].append(text)
        room -= len(text)
    return [tuple(part) for part in found]
