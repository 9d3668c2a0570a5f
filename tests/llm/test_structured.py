"""JSON out of whatever a model wraps around it, and the one repair."""

from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from folkmoot.kernel.json import Json
from folkmoot.llm.faults import AnswerMalformed, AnswerTruncated, InvalidOutput
from folkmoot.llm.structured import ask_structured, parse_json
from tests.llm.support import HELLO, Heard, asked
from tests.stubs.openai_stub import Reply


class Ballot(BaseModel):
    position: str
    confidence: Annotated[float, Field(ge=0, le=1)]


GOOD = '{"position": "a", "confidence": 0.5}'
WRONG = '{"position": "a", "confidence": 871}'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('  {"a": 1}\n', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('Here you are:\n```\n{"a": 1}\n```\nEnjoy!', {"a": 1}),
        ('As [1] says, {curly} the answer is {"a": {"b": "}"}} as asked.', {"a": {"b": "}"}}),
        ('<think>{"a": 0}</think>{"a": 1}', {"a": 1}),
        ("The list: [1, 2]", [1, 2]),
        ('{"a": "x\ny"}', {"a": "x\ny"}),
        ('{"a": "\\u0000\\ud800"}', {"a": "?"}),
    ],
)
def test_json_is_found(text: str, value: Json) -> None:
    assert parse_json(text) == value


@pytest.mark.parametrize("text", ["", "no", '{"a": ', "NaN", "{" * 5000, "[" * 400 + "]" * 400, '{"a": NaN}'])
def test_no_json_is_found(text: str) -> None:
    with pytest.raises(AnswerMalformed):
        parse_json(text)


async def test_a_fitting_answer_costs_one_call() -> None:
    async with asked([Reply(text=GOOD)]) as (gateway, stub):
        ballot, answer = await ask_structured(gateway, HELLO, Ballot)
    assert ballot == Ballot(position="a", confidence=0.5)
    assert answer.usage.output_tokens == 7
    assert len(stub.calls) == 1
    assert "response_format" in stub.calls[0]


@pytest.mark.parametrize("first", [WRONG, "I would rather not.", "[]"])
async def test_one_repair_is_told_the_errors(first: str) -> None:
    heard = Heard()
    async with asked([Reply(text=first), Reply(text=GOOD)]) as (gateway, stub):
        ballot, answer = await ask_structured(gateway, HELLO, Ballot, deltas=heard)
    assert ballot.confidence == 0.5
    assert answer.usage.output_tokens == 14, "both calls are paid for"
    assert heard.written == GOOD
    match stub.calls[1]["messages"]:
        case [*_, {"role": "assistant", "content": str(shown)}, {"role": "user", "content": str(told)}]:
            assert shown == first
            assert told.startswith("## Errors\n- ")
        case other:
            pytest.fail(f"no repair in {other}")


async def test_after_the_repair_it_is_over() -> None:
    async with asked([Reply(text=WRONG)]) as (gateway, stub):
        with pytest.raises(InvalidOutput) as raised:
            await ask_structured(gateway, HELLO, Ballot)
    assert len(stub.calls) == 2
    assert raised.value.usage is not None
    assert raised.value.usage.output_tokens == 14
    assert "confidence" in str(raised.value.facts["errors"])
    assert not raised.value.retryable


async def test_what_the_type_cannot_say_is_repaired_too() -> None:
    def not_a(ballot: Ballot) -> None:
        if ballot.position == "a":
            raise ValueError("nobody votes for a")

    async with asked([Reply(text=GOOD), Reply(text=GOOD.replace('"a"', '"b"'))]) as (gateway, stub):
        ballot, _ = await ask_structured(gateway, HELLO, Ballot, check=not_a)
    assert ballot.position == "b"
    assert "nobody votes for a" in str(stub.calls[1]["messages"])


async def test_a_repair_that_fails_pays_for_both() -> None:
    async with asked([Reply(text=WRONG), Reply(text="x", finish="length")]) as (gateway, _):
        with pytest.raises(AnswerTruncated) as raised:
            await ask_structured(gateway, HELLO, Ballot)
    assert raised.value.usage is not None
    assert raised.value.usage.output_tokens == 14
