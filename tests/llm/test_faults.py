"""What a provider of the OpenAI-compatible wire can do wrong, beside what tests/contract/test_llm.py tells of all."""

import asyncio
import time
import traceback

import pytest

from folkmoot.llm.faults import (
    AnswerCut,
    AnswerEmpty,
    AnswerMalformed,
    AnswerTruncated,
    ContextOverflow,
    CredentialsRefused,
    IdleTimeout,
    ModelFault,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    TotalTimeout,
)
from folkmoot.llm.gateway import Gateway, Request
from folkmoot.llm.messages import User
from folkmoot.llm.settings import LlmSettings
from folkmoot.llm.wire.errors import is_overflow
from tests.llm.support import HELLO, KEY, Heard, asked, with_limits
from tests.stubs.openai_stub import LONG_TEXT, Reply

BOTH_WAYS = pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "streamed"])
GOOD = Reply(text=LONG_TEXT)


def sse(*events: bytes) -> Reply:
    return Reply(raw=b"".join(b"data: " + event + b"\n\n" for event in events))


@BOTH_WAYS
@pytest.mark.parametrize(
    ("reply", "kind", "calls"),
    [
        (Reply(calls=(("search", '{"q'),), finish="length"), AnswerTruncated, 1),
        (Reply(text="half", finish="error"), ProviderError, 3),
        (Reply(status=429, text="no money", code="insufficient_quota"), QuotaExceeded, 1),
        (Reply(raw=b'{"error": {"message": "overloaded", "code": 529}}'), None, 3),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
async def test_faults_that_only_this_wire_tells(
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


async def test_a_stream_that_drips_ends_at_its_total_time() -> None:
    limits = with_limits(idle=0.1, total=0.15)
    async with asked([Reply(text="x" * 100, breaks="hang_within")], limits=limits) as (gateway, _):
        with pytest.raises((IdleTimeout, TotalTimeout)):
            await gateway.ask(HELLO, Heard())


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


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "the request exceeds the available context size, try increasing it",
        "Requested tokens (4100) exceed context window of 4096",
        "The input token count (1196265) exceeds the maximum number of tokens allowed (1048576).",
        "the input length exceeds the context length",
        "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
        "Input length (265330) exceeds model's maximum context length (262144).",
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        "prompt is too long: 213462 tokens > 200000 maximum",
        "Please reduce the length of the messages or completion.",
    ],
)
def test_a_conversation_that_is_too_long_is_told_apart_whoever_says_it(said: str) -> None:
    assert is_overflow(said)


@pytest.mark.parametrize("said", ["max_tokens must be at most 4096", "invalid context", "the schema is too long", ""])
def test_what_is_no_matter_of_the_window(said: str) -> None:
    assert not is_overflow(said)


async def test_a_code_tells_it_too() -> None:
    async with asked([Reply(status=400, text="no", code="context_length_exceeded")]) as (gateway, _):
        with pytest.raises(ContextOverflow):
            await gateway.ask(HELLO)
