"""The stored form: what was ever written loads for good."""

from decimal import Decimal

import pytest

from folkmoot.kernel.json import Json, dumps, loads
from folkmoot.llm.messages import (
    Assistant,
    Message,
    System,
    ToolCall,
    ToolResult,
    UnknownFormat,
    Usage,
    User,
    message_from_json,
    message_to_json,
    usage_from_json,
    usage_to_json,
)

# One sample per kind and format. A new format gets new samples; those below stay as they are.
SAMPLES: list[tuple[str, Message]] = [
    (
        '{"format":"folkmoot/1","role":"assistant","text":"Hello","calls":[]}',
        Assistant("Hello"),
    ),
    (
        '{"format":"folkmoot/1","role":"assistant","text":"","calls":'
        '[{"id":"c1","name":"search","arguments":{"query":"x"}},'
        '{"id":"c2","name":"search","arguments":{"_malformed":"{"},"extra":{"provider":"google"}}]}',
        Assistant(
            "",
            (
                ToolCall("c1", "search", {"query": "x"}),
                ToolCall("c2", "search", {"_malformed": "{"}, {"provider": "google"}),
            ),
        ),
    ),
    (
        '{"format":"folkmoot/1","role":"tool","call_id":"c1","name":"search","text":"gone","is_error":true}',
        ToolResult("c1", "search", "gone", is_error=True),
    ),
    ('{"format":"folkmoot/1","role":"system","text":"Be kind"}', System("Be kind")),
    ('{"format":"folkmoot/1","role":"user","text":"Hello"}', User("Hello")),
]
USAGE = (
    '{"format":"folkmoot/1","input_tokens":3,"output_tokens":4,"cached_tokens":1,"cost":"0.0000125",'
    '"latency_seconds":0.5,"provider":"openai","model":"m","estimated":false}',
    Usage(3, 4, 1, Decimal("0.0000125"), 0.5, "openai", "m"),
)


@pytest.mark.parametrize(("stored", "message"), SAMPLES)
def test_samples_load_and_are_written_the_same(stored: str, message: Message) -> None:
    assert message_from_json(loads(stored)) == message
    assert dumps(message_to_json(message)) == stored


def test_usage_loads_and_is_written_the_same() -> None:
    assert usage_from_json(loads(USAGE[0])) == USAGE[1]
    assert dumps(usage_to_json(USAGE[1])) == USAGE[0]
    assert usage_from_json({**usage_to_json(USAGE[1]), "cost": None}).cost is None


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {},
        {"format": "folkmoot/9", "role": "user", "text": "x"},
        {"format": "folkmoot/1", "role": "user", "text": 1},
        {"format": "folkmoot/1", "role": "poet", "text": "x"},
        {"format": "folkmoot/1", "role": "assistant", "text": "", "calls": [1]},
    ],
)
def test_what_was_never_written_is_refused(stored: Json) -> None:
    with pytest.raises(UnknownFormat):
        message_from_json(stored)
    with pytest.raises(UnknownFormat):
        usage_from_json(stored)


def test_a_cost_that_is_none_makes_the_sum_unknown() -> None:
    known, unknown = USAGE[1], Usage(1, 1, 0, None, 0.5, "openai", "n", estimated=True)
    assert (known + known).cost == Decimal("0.000025")
    total = known + unknown
    assert (total.input_tokens, total.output_tokens, total.cost, total.model) == (4, 5, None, "n")
    assert total.estimated


def test_only_the_tagged_form_is_malformed() -> None:
    assert ToolCall("c", "n", {"_malformed": "{"}).malformed == "{"
    assert ToolCall("c", "n", {"query": "x"}).malformed is None
    assert ToolCall("c", "n", {"_malformed": "{", "query": "x"}).malformed is None
