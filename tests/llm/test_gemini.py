"""What only Gemini's wire does."""

import pytest

from folkmoot.kernel.json import JsonObject
from folkmoot.llm.faults import AnswerFiltered, AnswerMalformed, ModelNotFound, QuotaExceeded, RateLimited
from folkmoot.llm.messages import Assistant, OutputSchema, System, ToolCall, ToolResult, ToolSchema, User
from tests.contract.wires import WIRES, asked
from tests.stubs.gemini_stub import MODEL, SIGNATURE
from tests.stubs.stub import Reply

pytestmark = pytest.mark.system  # all wires and all their faults

WIRE = WIRES[1]
SEARCH = ToolSchema("search", "Looks up", {"type": "object", "properties": {"query": {"type": "string"}}})
VERDICT = OutputSchema("Verdict", {"type": "object"})
STAND_IN = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="


async def test_the_conversation_on_the_wire() -> None:
    signed = ToolCall("c1", "search", {"query": "x"}, {"provider": "google", "details": {"thoughtSignature": "sig"}})
    messages = (
        System("One."),
        System("Two."),
        User("Hello"),
        Assistant("I look.", (signed, ToolCall("c2", "search", {}))),
        ToolResult("c1", "search", "found"),
        ToolResult("c2", "search", "gone", is_error=True),
        Assistant("Sorry"),
        User("Again"),
    )
    async with asked(WIRE, [Reply(text="ok")]) as (gateway, stub):
        await gateway.ask(WIRE.asking(messages=messages, tools=(SEARCH,), max_tokens=99, temperature=0.5))
    assert stub.paths == [f"/v1beta/models/{MODEL}:generateContent"]
    assert stub.calls[0] == {
        "systemInstruction": {"parts": [{"text": "One.\n\nTwo."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hello"}]},
            {
                "role": "model",
                "parts": [
                    {"text": "I look."},
                    {
                        "functionCall": {"name": "search", "args": {"query": "x"}, "id": "c1"},
                        "thoughtSignature": "sig",
                    },
                    {"functionCall": {"name": "search", "args": {}, "id": "c2"}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "search", "id": "c1", "response": {"result": "found"}}},
                    {"functionResponse": {"name": "search", "id": "c2", "response": {"error": "Error: gone"}}},
                ],
            },
            {"role": "model", "parts": [{"text": "Sorry"}]},
            {"role": "user", "parts": [{"text": "Again"}]},
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "search", "description": "Looks up", "parametersJsonSchema": SEARCH.parameters}
                ]
            }
        ],
        "generationConfig": {"maxOutputTokens": 99, "temperature": 0.5},
    }


async def test_a_signature_goes_back_and_a_call_of_another_model_gets_a_stand_in() -> None:
    older: JsonObject = {"provider": "google", "details": {"extra_content": {"google": {"thought_signature": "old"}}}}
    foreign: JsonObject = {"provider": "openai", "details": {"thoughtSignature": "theirs"}}
    async with asked(WIRE, [Reply(calls=(("search", "{}"),), finish="tool_calls"), Reply(text="ok")]) as (
        gateway,
        stub,
    ):
        answer = await gateway.ask(WIRE.asking(tools=(SEARCH,)))
        calls = (answer.calls[0], ToolCall("o", "search", {}, older), ToolCall("f", "search", {}, foreign))
        for call in (*calls, ToolCall("n", "search", {})):
            said = (User("Hello"), Assistant("", (call,)), ToolResult(call.id, "search", "found"))
            await gateway.ask(WIRE.asking(messages=said, tools=(SEARCH,)))
    parts = [call["contents"][1]["parts"][0] for call in stub.calls[1:]]  # type: ignore[index,call-overload]
    assert [part["thoughtSignature"] for part in parts] == [SIGNATURE, "old", STAND_IN, STAND_IN]  # type: ignore[index,call-overload]


@pytest.mark.parametrize("finish", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER"])
async def test_an_answer_that_ended_otherwise_is_malformed_and_says_how(finish: str) -> None:
    async with asked(WIRE, [Reply(text="half", finish=finish)]) as (gateway, stub):
        with pytest.raises(AnswerMalformed, match=finish.lower().replace("_", " ")):
            await gateway.ask(WIRE.hello)
    assert len(stub.calls) == 3


async def test_a_question_that_is_blocked_is_filtered() -> None:
    blocked = Reply(raw=b'{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {}}')
    async with asked(WIRE, [blocked]) as (gateway, _):
        with pytest.raises(AnswerFiltered):
            await gateway.ask(WIRE.hello)


async def test_a_form_is_not_asked_for_beside_tools() -> None:
    async with asked(WIRE, [Reply(text="{}")]) as (gateway, stub):
        await gateway.ask(WIRE.asking(output=VERDICT, tools=(SEARCH,)))
    assert stub.calls[0]["generationConfig"] == {"maxOutputTokens": 4096}


@pytest.mark.parametrize(
    ("complaint", "config"),
    [
        (
            "The specified schema produces a constraint that has too many states",
            {"responseMimeType": "application/json"},
        ),
        ("JSON mode is not enabled for models/gemma-3", {}),
    ],
)
async def test_a_model_that_minds_the_form_is_asked_without_and_remembered(complaint: str, config: JsonObject) -> None:
    async with asked(WIRE, [Reply(status=400, text=complaint), Reply(text="{}")]) as (gateway, stub):
        await gateway.ask(WIRE.asking(output=VERDICT))
        await gateway.ask(WIRE.asking(output=VERDICT))
    without = {"maxOutputTokens": 4096, **config}
    assert [call["generationConfig"] for call in stub.calls[1:]] == [without, without]


async def test_a_model_without_system_instruction_reads_it_first() -> None:
    said = "Developer instruction is not enabled for models/gemma-3-27b-it"
    async with asked(WIRE, [Reply(status=400, text=said), Reply(text="ok")]) as (gateway, stub):
        await gateway.ask(WIRE.hello)
    assert stub.calls[1]["contents"] == [
        {"role": "user", "parts": [{"text": "You are kind."}]},
        {"role": "user", "parts": [{"text": "Hello"}]},
    ]
    assert "systemInstruction" not in stub.calls[1]


async def test_a_pause_in_the_body_counts_and_without_one_the_quota_is_gone() -> None:
    said = "You exceeded your current quota, please check your plan"
    async with asked(WIRE, [Reply(status=429, text=said, code="34.07s")]) as (gateway, stub):
        with pytest.raises(RateLimited) as raised:
            await gateway.ask(WIRE.hello)
    assert raised.value.retry_after == 34.07
    assert len(stub.calls) == 1
    async with asked(WIRE, [Reply(status=429, text=said)]) as (gateway, _):
        with pytest.raises(QuotaExceeded):
            await gateway.ask(WIRE.hello)


@pytest.mark.parametrize("name", ["../cachedContents", "x:countTokens?", "models/x/../../y"])
async def test_a_name_is_no_path(name: str) -> None:
    async with asked(WIRE, [Reply(text="ok")]) as (gateway, stub):
        with pytest.raises(ModelNotFound):
            await gateway.ask(WIRE.asking(f"google:{name}"))
    assert stub.paths == []


async def test_only_a_system_text_is_a_question_too() -> None:
    async with asked(WIRE, [Reply(text="ok")]) as (gateway, stub):
        await gateway.ask(WIRE.asking(messages=(System("Speak."),)))
    assert stub.calls[0]["contents"] == [{"role": "user", "parts": [{"text": ""}]}]


async def test_thoughts_are_paid_for() -> None:
    body = (
        b'{"candidates": [{"content": {"parts": [{"text": "Hm", "thought": true}, {"text": "Hi"}]}, '
        b'"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 2, '
        b'"thoughtsTokenCount": 40, "cachedContentTokenCount": 4, "toolUsePromptTokenCount": 1}}'
    )
    async with asked(WIRE, [Reply(raw=body)]) as (gateway, _):
        answer = await gateway.ask(WIRE.hello)
    assert answer.text == "Hi"
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cached_tokens) == (10, 42, 4)
