"""What every wire of a language model owes the gateway: the same answers, and the same faults."""

import json
from dataclasses import replace

import pytest

from folkmoot.kernel.json import Json
from folkmoot.llm.faults import (
    AnswerCut,
    AnswerEmpty,
    AnswerFiltered,
    AnswerMalformed,
    AnswerTooLarge,
    AnswerTruncated,
    ContextOverflow,
    CredentialsRefused,
    FirstTokenTimeout,
    IdleTimeout,
    ModelConnectionLost,
    ModelFault,
    ModelNotFound,
    ModelUnreachable,
    ProviderError,
    RateLimited,
    RequestRefused,
    TotalTimeout,
)
from folkmoot.llm.messages import MALFORMED, Assistant, OutputSchema, ToolResult, ToolSchema, User
from tests.contract.wires import KEY, PATIENT, WIRES, Wire, asked, opened, settings_for
from tests.llm.support import Heard
from tests.stubs.stub import LONG_TEXT, Reply

_FIRST, *_OTHERS = WIRES
_ALL = [_FIRST, *(pytest.param(wire, marks=pytest.mark.system) for wire in _OTHERS)]  # the quick suite asks one of them

pytestmark = pytest.mark.parametrize("wire", _ALL, ids=lambda wire: wire.provider)
BOTH_WAYS = pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "streamed"])

SEARCH = ToolSchema("search", "Looks up", {"type": "object", "properties": {"query": {"type": "string"}}})
VERDICT = OutputSchema("Verdict", {"type": "object", "properties": {"good": {"type": "boolean"}}})
GOOD = Reply(text=LONG_TEXT)
TOO_LONG = "This model's maximum context length is 8192 tokens. The input token count (9000) exceeds the maximum."


@BOTH_WAYS
async def test_text_usage_and_who_answered(wire: Wire, is_streamed: bool) -> None:
    async with asked(wire, [GOOD]) as (gateway, stub):
        heard = Heard()
        answer = await gateway.ask(wire.hello, heard if is_streamed else None)
    assert answer.text == LONG_TEXT, "and nothing of what was only thought"
    assert answer.finish == "stop"
    assert answer.models == (wire.name,)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (12, 7)
    assert not answer.usage.estimated
    if wire.key_header is not None:
        assert stub.headers[0][wire.key_header].removeprefix("Bearer ") == KEY
    assert KEY not in json.dumps([stub.calls, stub.paths])
    if is_streamed:
        assert heard.written == LONG_TEXT
        assert heard.resets == 0


@BOTH_WAYS
async def test_a_server_that_does_not_count_is_estimated(wire: Wire, is_streamed: bool) -> None:
    async with asked(wire, [Reply(text="x" * 400, usage=None)]) as (gateway, _):
        answer = await gateway.ask(wire.hello, Heard() if is_streamed else None)
    assert answer.usage.estimated
    assert 90 <= answer.usage.output_tokens <= 110


@BOTH_WAYS
async def test_parallel_tool_calls_and_their_results(wire: Wire, is_streamed: bool) -> None:
    calls = tuple(("search", json.dumps({"query": f"q{number}"})) for number in range(13))
    async with asked(wire, [Reply(calls=calls, finish="tool_calls"), GOOD]) as (gateway, stub):
        request = wire.asking(tools=(SEARCH,))
        answer = await gateway.ask(request, Heard() if is_streamed else None)
        assert [call.arguments for call in answer.calls] == [{"query": f"q{number}"} for number in range(13)]
        assert len({call.id for call in answer.calls}) == 13
        results = tuple(ToolResult(call.id, call.name, f"found {call.id}") for call in answer.calls)
        messages = (*request.messages, answer.message, *results)
        assert (await gateway.ask(wire.asking(messages=messages, tools=(SEARCH,)))).text == LONG_TEXT
    told = json.dumps(stub.calls[1])
    assert all(f"found {call.id}" in told for call in answer.calls)
    assert told.count("Looks up") == 1


@BOTH_WAYS
async def test_arguments_that_are_no_object_are_kept_as_malformed(wire: Wire, is_streamed: bool) -> None:
    async with asked(wire, [Reply(calls=(("search", '{"q'),), finish="tool_calls")]) as (gateway, _):
        answer = await gateway.ask(wire.asking(tools=(SEARCH,)), Heard() if is_streamed else None)
    (call,) = answer.calls
    assert call.arguments == {MALFORMED: '{"q'}


@BOTH_WAYS
async def test_structured_output_is_asked_for_in_the_wires_way_and_in_words(wire: Wire, is_streamed: bool) -> None:
    async with asked(wire, [Reply(text='{"good": true}')]) as (gateway, stub):
        answer = await gateway.ask(wire.asking(output=VERDICT), Heard() if is_streamed else None)
    assert json.loads(answer.text) == {"good": True}
    (sent,) = stub.calls
    system = json.dumps(sent.get("systemInstruction") or sent["messages"])
    assert "without prose" in system
    assert VERDICT.schema in _values(sent), "beside the messages"


def _values(value: Json) -> list[Json]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(found for one in inner for found in _values(one))]


@BOTH_WAYS
@pytest.mark.parametrize(
    ("reply", "kind", "calls"),
    [
        (Reply(text="half an ans", finish=None), AnswerCut, 3),
        (Reply(text="half an ans", finish="length"), AnswerTruncated, 1),
        (Reply(calls=(("search", "{}"),), finish="length"), AnswerTruncated, 1),
        (Reply(text="half", finish="because"), AnswerMalformed, 3),
        (Reply(text=" \n"), AnswerEmpty, 3),
        (Reply(text=LONG_TEXT, breaks="reset"), ModelConnectionLost, 3),
        (Reply(status=500, text="oops"), ProviderError, 3),
        (Reply(status=503, raw=b"<html>busy</html>"), ProviderError, 3),
        (Reply(status=429, text="slow down"), RateLimited, 3),
        (Reply(status=429, text="slow down", headers={"Retry-After": "30"}), RateLimited, 1),
        (Reply(status=401, text="bad key"), CredentialsRefused, 1),
        (Reply(status=403, text="not you"), CredentialsRefused, 1),
        (Reply(status=404, text="no such model"), ModelNotFound, 1),
        (Reply(status=400, text="nonsense"), RequestRefused, 1),
        (Reply(status=302, headers={"Location": "http://127.0.0.1:9/"}), RequestRefused, 1),
        (Reply(calls=(("", "{}"),)), AnswerMalformed, 3),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
async def test_each_fault_has_its_class_and_its_number_of_calls(
    wire: Wire, is_streamed: bool, reply: Reply, kind: type[ModelFault], calls: int
) -> None:
    async with asked(wire, [reply]) as (gateway, stub):
        with pytest.raises(ModelFault) as raised:
            await gateway.ask(wire.hello, Heard() if is_streamed else None)
    assert type(raised.value) is kind
    assert raised.value.facts["model"] == wire.name
    assert len(stub.calls) == calls


@BOTH_WAYS
async def test_a_conversation_that_is_too_long_has_a_code_of_its_own(wire: Wire, is_streamed: bool) -> None:
    async with asked(wire, lambda _: Reply(status=400, text=TOO_LONG)) as (gateway, _):
        with pytest.raises(ContextOverflow) as raised:
            await gateway.ask(wire.hello, Heard() if is_streamed else None)
    assert raised.value.code == "context_overflow"


@pytest.mark.parametrize(
    "raw",
    [b"", b"nonsense", b"[]", b"42", b"[" * 100_000, b'{"choices": [7], "candidates": [7], "message": 7}'],
    ids=range(6),
)
async def test_malformed_bodies(wire: Wire, raw: bytes) -> None:
    async with asked(wire, [Reply(raw=raw)]) as (gateway, _):
        with pytest.raises(AnswerMalformed):
            await gateway.ask(wire.hello)


@BOTH_WAYS
@pytest.mark.parametrize("error", [b'{"error": {"message": "died", "code": 529}}', b'{"error": "died"}'])
async def test_an_error_in_an_answer_that_began_well(wire: Wire, is_streamed: bool, error: bytes) -> None:
    body = error if wire.provider == "ollama" or not is_streamed else b"data: " + error
    async with asked(wire, [Reply(raw=body + b"\n")]) as (gateway, _):
        with pytest.raises(ProviderError, match="died"):
            await gateway.ask(wire.hello, Heard() if is_streamed else None)


@BOTH_WAYS
@pytest.mark.parametrize("first", [Reply(status=500), Reply(text="x", finish=None), Reply(raw=b"")])
async def test_a_passing_fault_is_asked_again(wire: Wire, is_streamed: bool, first: Reply) -> None:
    heard = Heard()
    async with asked(wire, [first, GOOD]) as (gateway, stub):
        answer = await gateway.ask(wire.hello, heard if is_streamed else None)
    assert answer.text == LONG_TEXT
    assert len(stub.calls) == 2
    assert heard.written == (LONG_TEXT if is_streamed else "")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(Reply(breaks="hang_before"), FirstTokenTimeout), (Reply(text=LONG_TEXT, breaks="hang_within"), IdleTimeout)],
)
async def test_one_hang_of_a_stream_is_asked_again(wire: Wire, reply: Reply, kind: type[ModelFault]) -> None:
    async with asked(wire, [reply, reply], limits=replace(PATIENT, first_token=0.1, idle=0.1)) as (gateway, stub):
        with pytest.raises(ModelFault) as raised:
            await gateway.ask(wire.hello, Heard())
    assert type(raised.value) is kind
    assert len(stub.calls) == 2


async def test_a_plain_answer_has_its_total_time(wire: Wire) -> None:
    async with asked(wire, [Reply(breaks="hang_before")], limits=replace(PATIENT, total=0.1)) as (gateway, stub):
        with pytest.raises(TotalTimeout):
            await gateway.ask(wire.hello)
    assert len(stub.calls) == 1


@BOTH_WAYS
@pytest.mark.system
async def test_twenty_megabytes_are_not_taken(wire: Wire, is_streamed: bool) -> None:
    async with asked(wire, [Reply(text="x" * 20_000_000)]) as (gateway, _):
        with pytest.raises(AnswerTooLarge):
            await gateway.ask(wire.hello, Heard() if is_streamed else None)


async def test_tool_calls_without_end_are_not_taken(wire: Wire) -> None:
    async with asked(wire, [Reply(calls=(("search", "{}"),) * 500, finish="tool_calls")]) as (gateway, _):
        with pytest.raises(AnswerTooLarge):
            await gateway.ask(wire.hello)


@BOTH_WAYS
async def test_a_provider_that_repeats_the_key_is_not_repeated(wire: Wire, is_streamed: bool) -> None:
    if wire.key_header is None:
        pytest.skip("is asked without a key")
    calls = (("search", json.dumps({"query": KEY})),)
    async with asked(wire, [Reply(text=f"Your key is {KEY}, is it?", calls=calls)], chunks=13) as (gateway, _):
        heard = Heard()
        answer = await gateway.ask(wire.asking(tools=(SEARCH,)), heard if is_streamed else None)
    assert KEY not in f"{answer} {heard.written}"
    async with asked(wire, [Reply(status=401, text=f"Incorrect key {KEY}")]) as (gateway, _):
        with pytest.raises(CredentialsRefused) as raised:
            await gateway.ask(wire.hello, Heard() if is_streamed else None)
    assert KEY not in f"{raised.value.detail} {raised.value.facts}"


async def test_nobody_listens(wire: Wire) -> None:
    async with wire.stub() as stub:
        settings = settings_for(stub)
    async with opened(settings) as gateway:
        with pytest.raises(ModelUnreachable):
            await gateway.ask(wire.hello)


async def test_one_connection_serves_call_after_call(wire: Wire) -> None:
    async with asked(wire, [GOOD]) as (gateway, stub):
        for watched in (Heard(), None, Heard()):
            await gateway.ask(wire.hello, watched)
    assert len(stub.connections) == 1


async def test_which_models_there_are(wire: Wire) -> None:
    async with asked(wire, [GOOD]) as (gateway, _):
        listed = {model.name: model for model in await gateway.catalogue.listed(wire.provider)}
        answer = await gateway.ask(wire.asking(f"{wire.provider}:auto"))
    assert set(listed) == {wire.model, wire.embedding_model}
    assert {"chat", "tools"} <= set(listed[wire.model].abilities)
    assert listed[wire.embedding_model].abilities == ("embeddings",)
    assert answer.models == (wire.name,), "the first that can chat"


async def test_a_conversation_that_changes_models_can_go_on(wire: Wire) -> None:
    """What one provider wants back with its calls is not shown to another."""
    first = WIRES[1]
    async with asked(first, [Reply(calls=(("search", "{}"),), finish="tool_calls")]) as (gateway, _):
        answer = await gateway.ask(first.asking(tools=(SEARCH,)))
    assert answer.calls[0].extra is not None
    said = (User("Hello"), Assistant("", answer.calls), ToolResult(answer.calls[0].id, "search", "found"))
    async with asked(wire, [GOOD]) as (gateway, stub):
        assert (await gateway.ask(wire.asking(messages=said, tools=(SEARCH,)))).text == LONG_TEXT
    assert ("c2lnbmF0dXJl" in json.dumps(stub.calls[0])) is (wire.provider == "google")


@pytest.mark.parametrize("finish", ["content_filter", "recitation"])
@BOTH_WAYS
async def test_an_answer_that_is_withheld(wire: Wire, is_streamed: bool, finish: str) -> None:
    if wire.provider == "ollama":
        pytest.skip("withholds nothing")
    async with asked(wire, [Reply(text="half", finish=finish)]) as (gateway, stub):
        with pytest.raises(AnswerFiltered):
            await gateway.ask(wire.hello, Heard() if is_streamed else None)
    assert len(stub.calls) == 1
