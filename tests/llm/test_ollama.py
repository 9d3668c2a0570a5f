"""What only Ollama's wire does."""

import json

import pytest

from folkmoot.kernel.json import JsonObject
from folkmoot.llm.faults import AnswerCut, ContextOverflow, ModelNotFound, RequestRefused
from folkmoot.llm.messages import Assistant, OutputSchema, System, ToolCall, ToolResult, ToolSchema, User
from tests.contract.wires import WIRES, asked
from tests.stubs.ollama_stub import MODEL, WINDOW
from tests.stubs.stub import Reply

pytestmark = pytest.mark.system  # all wires and all their faults

WIRE = WIRES[2]
SEARCH = ToolSchema("search", "Looks up", {"type": "object", "properties": {"query": {"type": "string"}}})
TOO_LONG = Reply(status=400, text="the prompt exceeds the context length")


async def test_the_conversation_on_the_wire() -> None:
    messages = (
        System("One."),
        System("Two."),
        User("Hello"),
        Assistant("", (ToolCall("c1", "search", {"query": "x"}),)),
        ToolResult("c1", "search", "gone", is_error=True),
        Assistant("Sorry"),
        User("Again"),
    )
    async with asked(WIRE, [Reply(text="ok")]) as (gateway, stub):
        await gateway.ask(WIRE.asking(messages=messages, tools=(SEARCH,), max_tokens=99, temperature=0.5))
    assert stub.calls[0] == {
        "model": MODEL,
        "stream": False,
        "truncate": False,
        "shift": False,
        "messages": [
            {"role": "system", "content": "One.\n\nTwo."},
            {"role": "user", "content": "Hello"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "c1", "function": {"name": "search", "arguments": {"query": "x"}}}],
            },
            {"role": "tool", "content": "Error: gone", "tool_name": "search", "tool_call_id": "c1"},
            {"role": "assistant", "content": "Sorry"},
            {"role": "user", "content": "Again"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "search", "description": "Looks up", "parameters": SEARCH.parameters},
            }
        ],
        "options": {"num_predict": 99, "temperature": 0.5},
    }


async def test_a_form_is_not_asked_for_beside_tools() -> None:
    output = OutputSchema("Verdict", {"type": "object"})
    async with asked(WIRE, [Reply(text="{}")]) as (gateway, stub):
        await gateway.ask(WIRE.asking(output=output))
        await gateway.ask(WIRE.asking(output=output, tools=(SEARCH,)))
    assert [call.get("format") for call in stub.calls] == [{"type": "object"}, None]


def _windows(calls: list[JsonObject]) -> list[object]:
    return [call["options"].get("num_ctx") for call in calls]  # type: ignore[union-attr]


async def test_a_window_that_is_too_small_is_opened_as_far_as_needed_and_stays_open() -> None:
    def script(body: JsonObject) -> Reply:
        window = body["options"].get("num_ctx", 4096)  # type: ignore[union-attr]
        return Reply(text="ok") if window * 3 >= len(json.dumps(body)) else TOO_LONG  # type: ignore[operator]

    async with asked(WIRE, script) as (gateway, stub):
        for words in (3, 4000, 3):
            await gateway.ask(WIRE.asking(messages=(User("word " * words),)))
    assert _windows(stub.calls) == [None, None, 16_384, 16_384]


async def test_no_window_is_larger_than_the_models_own() -> None:
    async with asked(WIRE, [TOO_LONG]) as (gateway, stub):
        with pytest.raises(ContextOverflow):
            await gateway.ask(WIRE.asking(messages=(User("word " * 100_000),)))
        with pytest.raises(ContextOverflow):
            await gateway.ask(WIRE.hello)
    assert _windows(stub.calls) == [None, WINDOW, WINDOW]


async def test_a_model_that_is_not_there() -> None:
    async with asked(WIRE, [Reply(text="ok")]) as (gateway, stub):
        with pytest.raises(ModelNotFound, match="'nobody' not found"):
            await gateway.ask(WIRE.asking("ollama:nobody"))
    assert len(stub.calls) == 1
    async with asked(WIRE, [Reply(status=400, text="invalid model name")]) as (gateway, _):
        with pytest.raises(ModelNotFound):
            await gateway.ask(WIRE.hello)


async def test_a_model_without_tools_says_so() -> None:
    async with asked(WIRE, [Reply(status=400, text=f'"{MODEL}" does not support tools')]) as (gateway, _):
        with pytest.raises(RequestRefused, match="does not support tools"):
            await gateway.ask(WIRE.asking(tools=(SEARCH,)))


async def test_an_end_without_a_reason_is_none() -> None:
    line = b'{"message": {"role": "assistant", "content": "half"}, "done": true}'
    async with asked(WIRE, [Reply(raw=line)]) as (gateway, _):
        with pytest.raises(AnswerCut):
            await gateway.ask(WIRE.hello)


async def test_a_prompt_it_still_knows_is_not_read_again() -> None:
    line = b'{"message": {"role": "assistant", "content": "Hi"}, "done": true, "done_reason": "stop", "eval_count": 3}'
    async with asked(WIRE, [Reply(raw=line)]) as (gateway, _):
        answer = await gateway.ask(WIRE.hello)
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.estimated) == (0, 3, False)


async def test_what_is_told_of_a_model() -> None:
    async with asked(WIRE, []) as (gateway, _):
        listed = {model.name: model for model in await gateway.catalogue.listed("ollama")}
    assert listed[MODEL].context_tokens == WINDOW
    assert listed[MODEL].details["size"] == 2_019_393_189
    assert listed[MODEL].abilities == ("chat", "tools", "structured_output")
