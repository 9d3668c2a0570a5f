"""Vectors of texts over every wire that has them."""

import json

import pytest

from folkmoot.llm.embeddings import BATCH_TEXTS, EmbedRequest, batches
from folkmoot.llm.faults import (
    AnswerMalformed,
    ContextOverflow,
    CredentialsRefused,
    ModelFault,
    NoEmbeddings,
    ProviderError,
    RateLimited,
    UnknownModel,
)
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.settings import LlmSettings
from tests.contract.wires import KEY, WIRES, Wire, asked, opened, settings_for
from tests.stubs.stub import Reply, vector_of

pytestmark = pytest.mark.system  # all wires and all their faults

TEXTS = ("A crash loses nothing.", "Nothing is lost in a crash.", "Bananas are yellow.")
each_wire = pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.provider)


def of(wire: Wire, *texts: str) -> EmbedRequest:
    return EmbedRequest(texts=texts, model=f"{wire.provider}:{wire.embedding_model}")


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@each_wire
async def test_a_vector_for_each_text_in_order(wire: Wire) -> None:
    async with asked(wire, [Reply()]) as (gateway, stub):
        found = await gateway.embed(of(wire, *TEXTS))
    assert [vector.tolist() for vector in found.vectors] == [vector_of(text) for text in TEXTS]
    assert {vector.typecode for vector in found.vectors} == {"f"}
    assert found.model == f"{wire.provider}:{wire.embedding_model}"
    assert found.usage.output_tokens == 0
    assert found.usage.input_tokens > 0
    assert found.usage.estimated is (wire.provider == "google"), "which does not count them"
    near, far = (likeness(found.vectors[0].tolist(), found.vectors[n].tolist()) for n in (1, 2))
    assert near > far
    if wire.key_header is not None:
        assert stub.headers[0][wire.key_header].removeprefix("Bearer ") == KEY


@each_wire
async def test_many_texts_go_in_batches_and_are_counted_together(wire: Wire) -> None:
    texts = [f"text {number}" for number in range(2 * BATCH_TEXTS + 1)]
    async with asked(wire, [Reply()]) as (gateway, stub):
        found = await gateway.embed(of(wire, *texts))
    assert len(stub.calls) == 3
    assert len(found.vectors) == len(texts)
    assert found.usage.input_tokens >= len(texts)


@each_wire
async def test_no_texts_are_no_call(wire: Wire) -> None:
    async with asked(wire, [Reply()]) as (gateway, stub):
        found = await gateway.embed(of(wire))
    assert (found.vectors, found.usage.input_tokens, stub.calls) == ((), 0, [])


@each_wire
@pytest.mark.parametrize(
    ("reply", "kind", "calls"),
    [
        (Reply(status=429, headers={"Retry-After": "30"}), RateLimited, 1),
        (Reply(status=500), ProviderError, 3),
        (Reply(status=401), CredentialsRefused, 1),
        (Reply(status=400, text="the input length exceeds the context length"), ContextOverflow, 1),
        (Reply(raw=b"nonsense"), AnswerMalformed, 3),
        (Reply(raw=b"[]"), AnswerMalformed, 3),
        (Reply(raw=b"{}"), AnswerMalformed, 3),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
async def test_faults(wire: Wire, reply: Reply, kind: type[ModelFault], calls: int) -> None:
    async with asked(wire, [reply]) as (gateway, stub):
        with pytest.raises(kind) as raised:
            await gateway.embed(of(wire, "x"))
    assert len(stub.calls) == calls
    assert KEY not in f"{raised.value.detail} {raised.value.facts}"


@each_wire
@pytest.mark.parametrize(
    "vectors",
    [[], [[1.0], [1.0, 2.0]], [[1.0], []], [[1.0], ["x"]], [[1.0], None], [[1.0], [1e300]], [[1.0], [1.0], [1.0]]],
    ids=range(7),
)
async def test_vectors_that_are_none(wire: Wire, vectors: list[object]) -> None:
    bodies = {
        "openai": {"data": [{"index": n, "embedding": vector} for n, vector in enumerate(vectors)]},
        "google": {"embeddings": [{"values": vector} for vector in vectors]},
        "ollama": {"embeddings": vectors},
    }
    async with asked(wire, [Reply(raw=json.dumps(bodies[wire.provider]).encode())]) as (gateway, _):
        with pytest.raises(AnswerMalformed):
            await gateway.embed(of(wire, "one", "two"))


async def test_a_fault_in_the_second_batch_says_what_the_first_has_used() -> None:
    wire = WIRES[0]
    texts = [f"text {number}" for number in range(BATCH_TEXTS + 1)]
    async with asked(wire, [Reply(), Reply(status=401)]) as (gateway, _):
        with pytest.raises(CredentialsRefused) as raised:
            await gateway.embed(of(wire, *texts))
    assert raised.value.usage is not None
    assert raised.value.usage.input_tokens == BATCH_TEXTS


async def test_the_setting_names_the_model_and_the_purpose_is_told() -> None:
    wire = WIRES[1]
    async with (
        wire.stub([Reply()]) as stub,
        opened(settings_for(stub, embedding_model="gemini:gemini-embedding-stub")) as gateway,
    ):
        assert gateway.embedding_model == "google:gemini-embedding-stub"
        await gateway.embed(EmbedRequest(texts=("x",), purpose="query"))
    assert "RETRIEVAL_QUERY" in json.dumps(stub.calls)


async def test_what_is_not_configured_is_said() -> None:
    gateway = Gateway(LlmSettings())
    assert gateway.embedding_model is None
    with pytest.raises(NoEmbeddings) as raised:
        await gateway.embed(EmbedRequest(texts=("x",)))
    assert "EMBEDDING_MODEL" in str(raised.value.hint)
    with pytest.raises(NoEmbeddings, match="practice"):
        await gateway.embed(EmbedRequest(texts=("x",), model="practice"))
    with pytest.raises(UnknownModel, match="openai is not configured"):
        await gateway.embed(EmbedRequest(texts=("x",), model="openai:x"))
    with pytest.raises(UnknownModel):
        Gateway(LlmSettings(embedding_model="openai:text-embedding-3-small"))
    await gateway.aclose()


def test_batches_hold_their_bounds_and_their_order() -> None:
    texts = ["x" * 150_000, "y" * 60_000, "z", *map(str, range(100)), "w" * 300_000, "v"]
    parts = batches(texts)
    assert [text for part in parts for text in part] == texts
    assert [len(part) for part in parts] == [1, 64, 38, 1, 1]
    assert batches([]) == []
