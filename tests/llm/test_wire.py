"""Answers over real HTTP: what is sent, what is made of what comes back."""

import asyncio
from decimal import Decimal

import pytest

from folkmoot.kernel.json import JsonObject
from folkmoot.llm.faults import ContextOverflow, RequestRefused
from folkmoot.llm.gateway import Request
from folkmoot.llm.messages import (
    MALFORMED,
    Assistant,
    OutputSchema,
    System,
    ToolCall,
    ToolResult,
    ToolSchema,
    User,
)
from tests.llm.support import HELLO, KEY, Heard, asked
from tests.stubs.openai_stub import LONG_TEXT, MODEL, Reply

SEARCH = ToolSchema("search", "Looks up", {"type": "object", "properties": {"query": {"type": "string"}}})
BOTH_WAYS = pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "streamed"])


@BOTH_WAYS
async def test_text_usage_and_who_answered(is_streamed: bool) -> None:
    usage: JsonObject = {
        "prompt_tokens": 20,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 8},
    }
    async with asked([Reply(text=LONG_TEXT, usage=usage)]) as (gateway, stub):
        heard = Heard() if is_streamed else None
        answer = await gateway.ask(HELLO, heard)
    assert answer.text == LONG_TEXT
    assert answer.finish == "stop"
    assert answer.models == ("openai:stub-1",)
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cached_tokens) == (20, 5, 8)
    assert not answer.usage.estimated
    assert answer.usage.cost == Decimal(0), "a server of one's own costs nothing"
    assert answer.usage.latency_seconds > 0
    assert stub.headers[0]["Authorization"] == f"Bearer {KEY}"
    if heard is not None:
        assert heard.written == LONG_TEXT
        assert heard.resets == 0


@BOTH_WAYS
async def test_a_server_that_does_not_count_is_estimated(is_streamed: bool) -> None:
    async with asked([Reply(text="x" * 400, usage=None)]) as (gateway, _):
        answer = await gateway.ask(HELLO, Heard() if is_streamed else None)
    assert answer.usage.estimated
    assert 90 <= answer.usage.output_tokens <= 110
    assert answer.usage.input_tokens > 0


async def test_a_schema_is_estimated_too() -> None:
    schema: JsonObject = {"type": "object", "description": "x" * 4000}
    request = Request(models=HELLO.models, messages=HELLO.messages, output=OutputSchema("a", schema))
    async with asked([Reply(text="{}", usage=None)]) as (gateway, _):
        assert 1000 <= (await gateway.ask(request)).usage.input_tokens <= 1100


async def test_nonsense_counts_are_no_counts() -> None:
    async with asked([Reply(text="fine", usage={"prompt_tokens": -1, "completion_tokens": "many"})]) as (g, _):
        assert (await g.ask(HELLO)).usage.estimated


async def test_the_conversation_on_the_wire() -> None:
    call = ToolCall("c1", "search", {"query": "x"})
    request = Request(
        models=("openai:stub-1",),
        messages=(
            System("One."),
            System("Two."),
            User("Hello"),
            Assistant("", (call,)),
            ToolResult("c1", "search", "gone", is_error=True),
            Assistant("Sorry"),
            User("Again"),
        ),
        tools=(SEARCH,),
        max_tokens=99,
        temperature=0.5,
    )
    async with asked([Reply(text="ok")]) as (gateway, stub):
        await gateway.ask(request)
    assert stub.calls[0] == {
        "model": "stub-1",
        "messages": [
            {"role": "system", "content": "One.\n\nTwo."},
            {"role": "user", "content": "Hello"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "search", "arguments": '{"query":"x"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "Error: gone"},
            {"role": "assistant", "content": "Sorry"},
            {"role": "user", "content": "Again"},
        ],
        "max_tokens": 99,
        "temperature": 0.5,
        "tools": [
            {
                "type": "function",
                "function": {"name": "search", "description": "Looks up", "parameters": SEARCH.parameters},
            }
        ],
    }


@BOTH_WAYS
async def test_thirteen_parallel_tool_calls(is_streamed: bool) -> None:
    calls = tuple(("search", f'{{"query": "number {number}"}}') for number in range(13))
    async with asked([Reply(calls=calls, finish="tool_calls")]) as (gateway, _):
        answer = await gateway.ask(HELLO, Heard() if is_streamed else None)
    assert [call.arguments["query"] for call in answer.calls] == [f"number {number}" for number in range(13)]
    assert len({call.id for call in answer.calls}) == 13
    assert answer.text == ""


@BOTH_WAYS
@pytest.mark.parametrize(
    "arguments", ['{"query": ', "[1, 2]", "NaN", '"text"', "[" * 5000, '{"a":' * 400 + "1" + "}" * 400]
)
async def test_arguments_that_are_no_object_are_kept_as_malformed(is_streamed: bool, arguments: str) -> None:
    async with asked([Reply(calls=(("search", arguments),), finish="tool_calls")]) as (gateway, _):
        answer = await gateway.ask(HELLO, Heard() if is_streamed else None)
    (call,) = answer.calls
    assert call.malformed == arguments[:2000]
    assert call.arguments == {MALFORMED: arguments[:2000]}


async def test_no_arguments_are_an_empty_object() -> None:
    async with asked([Reply(calls=(("search", ""),), finish="tool_calls")]) as (gateway, _):
        answer = await gateway.ask(HELLO)
    assert answer.calls[0].arguments == {}
    assert answer.calls[0].malformed is None


@BOTH_WAYS
async def test_what_a_provider_wants_back_with_its_calls_goes_back_to_it(is_streamed: bool) -> None:
    signature: JsonObject = {"google": {"thought_signature": "abc"}}
    reply = Reply(calls=(("search", "{}"),), finish="tool_calls", call_extra=signature)
    async with asked([reply, Reply(text="done")]) as (gateway, stub):
        first = await gateway.ask(HELLO, Heard() if is_streamed else None)
        result = ToolResult(first.calls[0].id, "search", "found")
        again = Request(models=HELLO.models, messages=(*HELLO.messages, first.message, result))
        await gateway.ask(again)
    match stub.calls[1]["messages"]:
        case [*_, {"tool_calls": [dict(sent)]}, {"role": "tool"}]:
            assert sent["extra_content"] == signature
        case other:
            pytest.fail(f"no tool call in {other}")


async def test_deltas_come_per_network_read_and_text_is_clean() -> None:
    text = "a\x00b " * 500
    async with asked([Reply(text=text)], chunks=500) as (gateway, _):
        heard = Heard()
        answer = await gateway.ask(HELLO, heard)
    assert answer.text == heard.written == "ab " * 500
    assert heard.pieces <= 500


async def test_lone_surrogates_become_text_any_database_takes() -> None:
    body = b'{"choices":[{"index":0,"finish_reason":"stop","message":{"content":"a\\ud83d b"}}]}'
    async with asked([Reply(raw=body)]) as (gateway, _):
        assert (await gateway.ask(HELLO)).text == "a? b"


async def test_a_whole_answer_stays_one_when_only_its_end_is_lost() -> None:
    async with asked([Reply(text="whole", has_done=False, usage=None)]) as (gateway, _):
        answer = await gateway.ask(HELLO, Heard())
    assert answer.text == "whole"


async def test_structured_output_is_asked_for_twice_over() -> None:
    schema: JsonObject = {"type": "object", "properties": {"a": {"type": "integer"}}}
    request = Request(models=HELLO.models, messages=HELLO.messages, output=OutputSchema("My plan!", schema))
    async with asked([Reply(text='{"a": 1}')]) as (gateway, stub):
        await gateway.ask(request)
    assert stub.calls[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "My_plan_", "schema": schema},
    }
    match stub.calls[0]["messages"]:
        case [{"role": "system", "content": str(text)}, {"role": "user"}]:
            assert text.startswith("You are kind.")
            assert '{"type":"object","properties":{"a":{"type":"integer"}}}' in text
        case other:
            pytest.fail(f"no schema in {other}")


STRUCTURED = Request(models=HELLO.models, messages=HELLO.messages, output=OutputSchema("a", {}))


async def test_a_server_without_response_format_is_asked_without_and_remembered() -> None:
    def script(body: JsonObject) -> Reply:
        if "response_format" in body:
            return Reply(status=400, text="Unknown field: response_format")
        return Reply(text='{"a": 1}')

    async with asked(script) as (gateway, stub):
        await gateway.ask(STRUCTURED)
        await gateway.ask(STRUCTURED)
    assert ["response_format" in call for call in stub.calls] == [True, True, False, False]


async def test_a_server_with_the_older_response_format_gets_the_schema_in_it() -> None:
    """llama-cpp-python's, down to its status: it answers 500 to a body that it cannot validate."""
    said = "1 validation error: {'loc': ('body', 'response_format', 'type'), 'input': 'json_schema'}"

    def script(body: JsonObject) -> Reply:
        if body["response_format"] == {"type": "json_object", "schema": {}}:
            return Reply(text='{"a": 1}')
        return Reply(status=500, text=said)

    async with asked(script) as (gateway, stub):
        for _ in range(2):
            assert (await gateway.ask(STRUCTURED)).text == '{"a": 1}'
    assert len(stub.calls) == 3


async def test_bounds_no_grammar_holds_stay_out_of_it_and_in_the_text() -> None:
    """llama.cpp refuses a grammar of so many repetitions; llama-cpp-python's process dies of it."""
    text: JsonObject = {"type": "string", "minLength": 1, "maxLength": 4000}
    schema: JsonObject = {
        "type": "object",
        "properties": {"a": text, "maxLength": {"type": "integer"}, "b": {"type": "array", "items": text}},
        "maxProperties": 10_000,
        "default": {"maxLength": 4000},
    }
    lean: JsonObject = {"type": "string", "minLength": 1}
    expected: JsonObject = {
        "type": "object",
        "properties": {"a": lean, "maxLength": {"type": "integer"}, "b": {"type": "array", "items": lean}},
        "default": {"maxLength": 4000},
    }
    tool = ToolSchema("search", "Looks up", schema)
    request = Request(models=HELLO.models, messages=HELLO.messages, tools=(tool,), output=OutputSchema("a", schema))
    async with asked([Reply(text="{}")]) as (gateway, stub):
        await gateway.ask(request)
    match stub.calls[0]:
        case {
            "response_format": {"json_schema": {"schema": dict(form)}},
            "tools": [{"function": {"parameters": dict(parameters)}}],
            "messages": [{"content": str(told)}, *_],
        }:
            assert form == parameters == expected
            assert '"maxLength":4000' in told
        case other:
            pytest.fail(f"no schema in {other}")


async def test_a_server_without_null_content_gets_empty_text() -> None:
    def script(body: JsonObject) -> Reply:
        match body["messages"]:
            case [_, _, {"content": str(text)}, *_]:
                return Reply(text=f"<{text}>")
            case _:
                return Reply(
                    status=500, text="7 validation errors: 'content'), 'msg': 'Input should be a valid string'"
                )

    call = ToolCall("c1", "search", {})
    request = Request(
        models=HELLO.models,
        messages=(*HELLO.messages, Assistant("", (call,)), ToolResult("c1", "search", "found")),
        tools=(SEARCH,),
    )
    async with asked(script) as (gateway, stub):
        for _ in range(2):
            assert (await gateway.ask(request)).text == "<>"
    assert len(stub.calls) == 3


async def test_a_complaint_about_a_tool_takes_no_other_field_away() -> None:
    """llama.cpp says the same of a tool it cannot make a grammar of as of a response format."""

    def script(body: JsonObject) -> Reply:
        return Reply(status=400, text="failed to parse grammar") if "tools" in body else Reply(text="{}")

    async with asked(script) as (gateway, stub):
        with pytest.raises(RequestRefused):
            await gateway.ask(Request(models=HELLO.models, messages=HELLO.messages, tools=(SEARCH,)))
        await gateway.ask(STRUCTURED)
    match stub.calls:
        case [_, {"response_format": {"type": "json_schema"}}]:
            pass
        case other:
            pytest.fail(f"unlearnt: {other}")


async def test_calls_at_the_same_time_unlearn_a_field_together() -> None:
    def script(body: JsonObject) -> Reply:
        match body["response_format"]:
            case {"type": "json_object"}:
                return Reply(text='{"a": 1}')
            case _:
                return Reply(status=400, text="response_format: json_schema is not known here")

    async with asked(script) as (gateway, stub):
        answers = await asyncio.gather(*(gateway.ask(STRUCTURED) for _ in range(8)))
        assert [answer.text for answer in answers] == ['{"a": 1}'] * 8
        await gateway.ask(STRUCTURED)
    assert stub.calls[-1]["response_format"] == {"type": "json_object", "schema": {}}


async def test_a_server_that_wants_the_newer_token_field() -> None:
    def script(body: JsonObject) -> Reply:
        if "max_tokens" in body:
            return Reply(status=400, text="Unsupported parameter: use 'max_completion_tokens' instead")
        return Reply(text="ok")

    async with asked(script) as (gateway, stub):
        await gateway.ask(HELLO)
    assert stub.calls[1]["max_completion_tokens"] == 4096


async def test_a_conversation_that_is_too_long_is_no_matter_of_the_token_field() -> None:
    said = "'max_tokens' is too large: 4096. This model's maximum context length is 8192 tokens"
    async with asked([Reply(status=400, text=said), Reply(text="ok")]) as (gateway, stub):
        with pytest.raises(ContextOverflow, match="too large"):
            await gateway.ask(HELLO)
        await gateway.ask(HELLO)
    assert ["max_tokens" in call for call in stub.calls] == [True, True]


async def test_auto_asks_the_server_which_model_it_has() -> None:
    async with asked([Reply(text="ok")], default_model="openai:auto") as (gateway, stub):
        answer = await gateway.ask(Request(messages=HELLO.messages))
    assert stub.calls[0]["model"] == MODEL
    assert answer.models == (f"openai:{MODEL}",)


@BOTH_WAYS
async def test_one_connection_serves_call_after_call(is_streamed: bool) -> None:
    async with asked([Reply(text="ok"), Reply(status=500), Reply(text="ok")]) as (gateway, stub):
        for _ in range(5):
            await gateway.ask(HELLO, Heard() if is_streamed else None)
    assert len(stub.calls) == 6
    assert len(stub.connections) == 1


async def test_a_cancelled_call_leaves_the_gateway_usable() -> None:
    async with asked([Reply(breaks="hang_before"), Reply(text="ok")]) as (gateway, _):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await gateway.ask(HELLO)
        assert (await gateway.ask(HELLO)).text == "ok"
