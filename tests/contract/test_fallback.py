"""A chain of models over different wires: which faults make the next one answer, and who is told of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from folkmoot.agents.calls import Asking, ask_for_turn
from folkmoot.kernel.clock import now
from folkmoot.llm.faults import AnswerFiltered, AnswerTruncated, ModelFault, RateLimited
from folkmoot.llm.gateway import Gateway
from folkmoot.runs.journal import Entry
from folkmoot.runs.logs import line_of
from folkmoot.tools.registry import ToolRegistry
from tests.contract.wires import PATIENT, WIRES, opened, settings_for
from tests.llm.support import Heard
from tests.stubs.gemini_stub import GeminiStub
from tests.stubs.ollama_stub import OllamaStub
from tests.stubs.openai_stub import OpenAIStub
from tests.stubs.stub import LONG_TEXT, Reply, Stub

pytestmark = pytest.mark.system  # all wires and all their faults

OPENAI, GOOGLE, OLLAMA = WIRES
CHAIN = tuple(wire.name for wire in WIRES)
GOOD = Reply(text=LONG_TEXT)


@asynccontextmanager
async def chained(*replies: Reply) -> AsyncIterator[tuple[Gateway, list[Stub]]]:
    """Each wire says one thing, again and again."""
    first, second, third = replies
    limits = replace(PATIENT, total=0.5) if first.breaks == "hang_before" else PATIENT
    async with (
        OpenAIStub([first]) as one,
        GeminiStub([second]) as two,
        OllamaStub([third]) as three,
        opened(settings_for(one, two, three, limits=limits)) as gateway,
    ):
        yield gateway, [one, two, three]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(status=429, headers={"Retry-After": "60"}), "rate_limited"),
        (Reply(status=429, text="no money", code="insufficient_quota"), "quota_exceeded"),
        (Reply(status=500), "provider_error"),
        (Reply(breaks="hang_before"), "total_timeout"),
        (Reply(breaks="reset"), "model_connection_lost"),
        (Reply(status=401), "credentials_refused"),
        (Reply(status=404), "model_not_found"),
        (Reply(status=400, text="This model's maximum context length is 10"), "context_overflow"),
        (Reply(text="half", finish=None), "answer_cut"),
        (Reply(raw=b"nonsense"), "answer_malformed"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_the_next_model_answers(reply: Reply, code: str) -> None:
    async with chained(reply, GOOD, GOOD) as (gateway, stubs):
        answer = await gateway.ask(OPENAI.asking(*CHAIN))
    assert answer.text == LONG_TEXT
    assert answer.models == (GOOGLE.name,)
    assert [(failed.model, failed.code) for failed in answer.failed] == [(OPENAI.name, code)]
    assert stubs[2].calls == []


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(text="half", finish="content_filter"), AnswerFiltered),
        (Reply(text="half", finish="length"), AnswerTruncated),
    ],
)
async def test_what_another_model_is_not_asked_for(reply: Reply, kind: type[ModelFault]) -> None:
    async with chained(reply, GOOD, GOOD) as (gateway, stubs):
        with pytest.raises(kind):
            await gateway.ask(OPENAI.asking(*CHAIN))
    assert stubs[1].calls == []


async def test_what_was_shown_of_the_first_is_void() -> None:
    async with chained(Reply(text="half", finish=None), Reply(status=500), GOOD) as (gateway, _):
        heard = Heard()
        answer = await gateway.ask(OPENAI.asking(*CHAIN), heard)
    assert heard.written == LONG_TEXT
    assert heard.resets > 0
    assert answer.models == (OLLAMA.name,)
    assert answer.usage.input_tokens > 12, "what the first has used is counted too"


async def test_where_nobody_answers_all_are_named() -> None:
    busy = Reply(status=429, headers={"Retry-After": "60"})
    async with chained(Reply(status=401), busy, Reply(status=500)) as (gateway, _):
        with pytest.raises(RateLimited) as raised:
            await gateway.ask(OPENAI.asking(*CHAIN))
    codes = ["credentials_refused", "rate_limited", "provider_error"]
    assert [failed.code for failed in raised.value.failed] == codes


async def test_the_journal_names_who_answered_and_who_failed() -> None:
    asking = Asking(role="agent", workspace_id="w1", messages=OPENAI.hello.messages, models=CHAIN)
    async with chained(Reply(status=401, text="bad key"), Reply(status=500), GOOD) as (gateway, _):
        outcome = await ask_for_turn(gateway, ToolRegistry(()), asking)
        told = await ask_for_turn(gateway, ToolRegistry(()), replace(asking, models=CHAIN[:2]))
    assert outcome.by["provider"] == "ollama"
    assert outcome.by["failed"] == [
        {
            "model": OPENAI.name,
            "code": "credentials_refused",
            "sentence": "The language model's provider refused the credentials (openai answered 401): bad key",
        },
        {
            "model": GOOGLE.name,
            "code": "provider_error",
            "sentence": "The language model's provider failed (google answered 500)",
        },
    ]
    assert told.fault is not None
    failed = told.by["failed"]
    assert isinstance(failed, list)
    assert len(failed) == 2
    entry = Entry(seq=1, at=now(), kind="done", key="reply.m1", data={"by": outcome.by})
    line = f"with {OLLAMA.model}, after {OPENAI.name}: credentials_refused; {GOOGLE.name}: provider_error is done"
    assert line in line_of(entry).message


async def test_a_chain_of_one_names_nobody_else() -> None:
    asking = Asking(role="agent", workspace_id="w1", messages=OPENAI.hello.messages, models=CHAIN[:1])
    async with chained(Reply(status=401), GOOD, GOOD) as (gateway, _):
        outcome = await ask_for_turn(gateway, ToolRegistry(()), asking)
    assert outcome.by == {"role": "agent", "agent_id": None, "provider": "openai", "model": OPENAI.model}
