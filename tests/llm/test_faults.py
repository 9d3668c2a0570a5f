"""Everything a provider can do wrong, over real HTTP: the fault it becomes and how often it was asked."""

import asyncio
import time
import traceback

import pytest

from folkmoot.llm.faults import (
    AnswerCut,
    AnswerEmpty,
    AnswerFiltered,
    AnswerMalformed,
    AnswerTooLarge,
    AnswerTruncated,
    CredentialsRefused,
    FirstTokenTimeout,
    IdleTimeout,
    ModelConnectionLost,
    ModelFault,
    ModelNotFound,
    ModelUnreachable,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    RequestRefused,
    TotalTimeout,
)
from folkmoot.llm.gateway import Gateway, Request
from folkmoot.llm.messages import User
from folkmoot.llm.settings import LlmSettings
from tests.llm.support import FAST, HELLO, KEY, Heard, asked, with_limits
from tests.stubs.openai_stub import LONG_TEXT, Reply

BOTH_WAYS = pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "streamed"])
GOOD = Reply(text=LONG_TEXT)


def sse(*events: bytes) -> Reply:
    return Reply(raw=b"".join(b"data: " + event + b"\n\n" for event in events))


@BOTH_WAYS
@pytest.mark.parametrize(
    ("reply", "kind", "calls"),
    [
        (Reply(text="half an ans", finish=None), AnswerCut, 3),
        (Reply(text="half an ans", finish="length"), AnswerTruncated, 1),
        (Reply(calls=(("search", '{"q'),), finish="length"), AnswerTruncated, 1),
        (Reply(text="half", finish="content_filter"), AnswerFiltered, 1),
        (Reply(text="half", finish="because"), AnswerMalformed, 3),
        (Reply(text="half", finish="error"), ProviderError, 3),
        (Reply(text=" \n", finish="stop"), AnswerEmpty, 3),
        (Reply(text=LONG_TEXT, breaks="reset"), ModelConnectionLost, 3),
        (Reply(status=500, text="oops"), ProviderError, 3),
        (Reply(status=503, raw=b"<html>busy</html>"), ProviderError, 3),
        (Reply(status=429, text="slow down"), RateLimited, 3),
        (Reply(status=429, text="no money", code="insufficient_quota"), QuotaExceeded, 1),
        (Reply(status=401, text="bad key"), CredentialsRefused, 1),
        (Reply(status=403, text="not you"), CredentialsRefused, 1),
        (Reply(status=404, text="no such model"), ModelNotFound, 1),
        (Reply(status=400, text="nonsense"), RequestRefused, 1),
        (Reply(status=302, headers={"Location": "http://127.0.0.1:9/"}), RequestRefused, 1),
        (Reply(raw=b'{"error": {"message": "overloaded", "code": 529}}'), None, 3),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
async def test_each_fault_has_its_class_and_its_number_of_calls(
    is_streamed: bool, reply: Reply, kind: type[ModelFault] | None, calls: int
) -> None:
    async with asked([reply]) as (gateway, stub):
        with pytest.raises(ModelFault) as raised:
            await gateway.ask(HELLO, Heard() if is_streamed else None)
    if kind is not None:
        assert type(raised.value) is kind
        assert raised.value.facts["model"] == "openai:stub-1"
    assert len(stub.calls) == calls


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense",
        b"[]",
        b"42",
        b'{"choices": {"a": 1}}',
        b'{"choices": [7]}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": {"content": 42}, "finish_reason": "stop"}]}',
        b'{"choices": [{"message": {"tool_calls": [1]}, "finish_reason": "stop"}]}',
        b'{"choices": [{"message": {"tool_calls": [{"function": {}}]}, "finish_reason": "stop"}]}',
        b"[" * 100_000,
        b'{"choices": [{"message": {"content": "\xff"}}]}',
    ],
    ids=range(12),
)
async def test_malformed_bodies(raw: bytes) -> None:
    async with asked([Reply(raw=raw)]) as (gateway, _):
        with pytest.raises(AnswerMalformed):
            await gateway.ask(HELLO)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (sse(b'{"choices": [{"delta": {"content": "a"}}]}', b"{half"), AnswerMalformed),
        (sse(b'{"choices": [{"delta": {"content": "a"}}]}', b'{"error": {"message": "died"}}'), ProviderError),
        (sse(b'{"choices": [{"delta": {"content": "a"}}]}', b"[DONE]"), AnswerCut),
        (sse(b'{"choices": []}', b"[DONE]"), AnswerCut),
        (Reply(raw=b"no events at all"), AnswerCut),
    ],
)
async def test_malformed_streams(reply: Reply, kind: type[ModelFault]) -> None:
    half = Reply(text="half", finish=None)
    async with asked(lambda body: reply if body.get("stream") else half) as (gateway, _):
        with pytest.raises(ModelFault) as raised:
            await gateway.ask(HELLO, Heard())
    assert type(raised.value) is kind


async def test_no_choices_is_an_empty_answer() -> None:
    async with asked([Reply(raw=b'{"choices": []}')]) as (gateway, _):
        with pytest.raises(AnswerEmpty):
            await gateway.ask(HELLO)


@BOTH_WAYS
@pytest.mark.parametrize("first", [Reply(status=500), Reply(text="x", finish=None), Reply(raw=b"")])
async def test_a_passing_fault_is_asked_again(is_streamed: bool, first: Reply) -> None:
    heard = Heard()
    async with asked([first, GOOD]) as (gateway, stub):
        answer = await gateway.ask(HELLO, heard if is_streamed else None)
    assert answer.text == LONG_TEXT
    assert len(stub.calls) == 2
    assert heard.written == (LONG_TEXT if is_streamed else "")


async def test_a_stream_asked_again_is_reset_once_and_failed_calls_are_counted() -> None:
    async with asked([Reply(text="half", finish=None), Reply(status=500), GOOD]) as (gateway, _):
        heard = Heard()
        answer = await gateway.ask(HELLO, heard)
    assert heard.resets == 1
    assert heard.written == LONG_TEXT
    assert answer.usage.input_tokens == 24, "the cut answer was counted by the provider too"


@pytest.mark.parametrize("cut", [Reply(text="half", finish=None), Reply(text=LONG_TEXT, breaks="reset")])
async def test_a_stream_that_is_always_cut_is_asked_for_in_one_piece(cut: Reply) -> None:
    async with asked(lambda body: cut if body.get("stream") else GOOD) as (gateway, stub):
        heard = Heard()
        answer = await gateway.ask(HELLO, heard)
    assert answer.text == heard.written == LONG_TEXT
    assert ["stream" in call for call in stub.calls] == [True, True, False]


async def test_a_fault_says_what_its_calls_took() -> None:
    async with asked([Reply(text="half", finish="length")]) as (gateway, _):
        with pytest.raises(AnswerTruncated) as raised:
            await gateway.ask(HELLO)
    assert raised.value.usage is not None
    assert raised.value.usage.output_tokens == 7


async def test_a_short_pause_is_slept_in_place() -> None:
    async with asked([Reply(status=429, headers={"Retry-After": "0.04"}), GOOD]) as (gateway, stub):
        started = time.monotonic()
        answer = await gateway.ask(HELLO)
    assert answer.text == LONG_TEXT
    assert time.monotonic() - started >= 0.04
    assert len(stub.calls) == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_a_long_pause_is_the_callers_to_make(status: int) -> None:
    async with asked([Reply(status=status, headers={"Retry-After": "30"}), GOOD]) as (gateway, stub):
        with pytest.raises(RateLimited) as raised:
            await gateway.ask(HELLO)
    assert raised.value.retry_after == 30
    assert raised.value.retryable
    assert len(stub.calls) == 1


@pytest.mark.parametrize("header", ["soon", "-5", "nan", "inf", "Wed, 21 Oct 2015 07:28:00 GMT"])
async def test_a_pause_that_means_nothing_is_none(header: str) -> None:
    async with asked([Reply(status=429, headers={"Retry-After": header}), GOOD]) as (gateway, _):
        assert (await gateway.ask(HELLO)).text == LONG_TEXT


async def test_the_next_model_answers_where_one_fails() -> None:
    models = ("openai:broken", "openai:stub-1")

    def script(body: object) -> Reply:
        is_broken = isinstance(body, dict) and body["model"] == "broken"
        return Reply(status=429, headers={"Retry-After": "60"}) if is_broken else GOOD

    async with asked(script) as (gateway, _):
        answer = await gateway.ask(Request(models=models, messages=HELLO.messages))
    assert answer.models == ("openai:stub-1",)


async def test_where_all_fail_the_fault_worth_waiting_for_is_told() -> None:
    def script(body: object) -> Reply:
        is_busy = isinstance(body, dict) and body["model"] == "busy"
        return Reply(status=429, headers={"Retry-After": "60"}) if is_busy else Reply(status=401)

    async with asked(script) as (gateway, _):
        with pytest.raises(RateLimited):
            await gateway.ask(Request(models=("openai:busy", "openai:stub-1"), messages=HELLO.messages))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(breaks="hang_before"), FirstTokenTimeout),
        (Reply(text=LONG_TEXT, breaks="hang_within"), IdleTimeout),
    ],
)
async def test_one_hang_of_a_stream_is_asked_again(reply: Reply, kind: type[ModelFault]) -> None:
    async with asked([reply, GOOD]) as (gateway, _):
        assert (await gateway.ask(HELLO, Heard())).text == LONG_TEXT
    async with asked([reply]) as (gateway, stub):
        with pytest.raises(ModelFault) as raised:
            await gateway.ask(HELLO, Heard())
    assert type(raised.value) is kind
    assert len(stub.calls) == 2


async def test_a_plain_answer_has_its_total_time() -> None:
    async with asked([Reply(breaks="hang_before")], limits=with_limits(total=0.1)) as (gateway, stub):
        with pytest.raises(TotalTimeout):
            await gateway.ask(HELLO)
    assert len(stub.calls) == 1


async def test_a_stream_that_drips_ends_at_its_total_time() -> None:
    limits = with_limits(idle=0.1, total=0.15)
    async with asked([Reply(text="x" * 100, breaks="hang_within")], limits=limits) as (gateway, _):
        with pytest.raises((IdleTimeout, TotalTimeout)):
            await gateway.ask(HELLO, Heard())


async def test_nobody_listens() -> None:
    settings = LlmSettings(openai_base_url="http://127.0.0.1:9/v1", openai_api_key=KEY, limits=FAST)
    gateway = Gateway(settings)
    with pytest.raises(ModelUnreachable) as raised:
        await gateway.ask(HELLO)
    assert "127.0.0.1:9" in raised.value.detail
    await gateway.aclose()


@BOTH_WAYS
async def test_twenty_megabytes_are_not_taken(is_streamed: bool) -> None:
    async with asked([Reply(text="x" * 20_000_000)], limits=with_limits(total=20, idle=5)) as (gateway, _):
        with pytest.raises(AnswerTooLarge):
            await gateway.ask(HELLO, Heard() if is_streamed else None)


async def test_tool_calls_without_end_are_not_taken() -> None:
    async with asked([Reply(calls=(("search", "{}"),) * 500, finish="tool_calls")]) as (gateway, _):
        with pytest.raises(AnswerTooLarge):
            await gateway.ask(HELLO)


@pytest.mark.parametrize("said", [f"Incorrect API key provided: {KEY}", "Bearer abcdef123456 is wrong", "x" * 9000])
async def test_a_fault_tells_no_key_and_no_novel(said: str) -> None:
    async with asked([Reply(status=401, text=said)]) as (gateway, _):
        with pytest.raises(CredentialsRefused) as raised:
            await gateway.ask(HELLO)
    told = f"{raised.value.detail} {raised.value.facts} {raised.value}"
    assert KEY not in told
    assert "abcdef123456" not in told
    assert len(told) < 1000


async def test_many_at_once_do_not_disturb_each_other() -> None:
    def script(body: object) -> Reply:
        match body:
            case {"messages": [*_, {"content": str(text)}]}:
                return Reply(text=f"You said {text}")
            case _:
                return Reply(status=400)

    async with asked(script) as (gateway, _):
        requests = [Request(models=HELLO.models, messages=(*HELLO.messages[:1], _user(n))) for n in range(64)]
        answers = await asyncio.gather(*(gateway.ask(request, Heard()) for request in requests))
    assert [answer.text for answer in answers] == [f"You said {n}" for n in range(64)]


def _user(number: int) -> User:
    return User(str(number))


async def test_an_answer_that_is_no_http_shows_nothing_of_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {KEY} {KEY}\r\n{KEY}\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    gateway = Gateway(
        LlmSettings(openai_api_key=KEY, openai_base_url=f"http://127.0.0.1:{port}/v1", limits=with_limits())
    )
    with pytest.raises(ModelFault) as failed:
        await gateway.ask(HELLO)
    await gateway.aclose()
    server.close()
    told = "".join(traceback.format_exception(failed.value))
    assert KEY not in f"{failed.value.detail} {failed.value.facts} {told} {caplog.text}"
