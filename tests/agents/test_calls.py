"""A turn's calls against a real wire: answers, tools, forms, and everything a provider can do wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from pydantic import BaseModel

from folkmoot.agents.calls import Asking, ask_for_turn, form, use_for_turn
from folkmoot.db.database import Database
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.messages import System, User
from folkmoot.llm.settings import LlmSettings
from folkmoot.runs.journal import Outcome, Use
from folkmoot.tools.registry import ToolContext, ToolRegistry
from tests.agents.office import LIMITS, LOOK_UP
from tests.stubs.openai_stub import OpenAIStub, Reply

TOOLS = ToolRegistry([LOOK_UP, replace(LOOK_UP, name="send", effect="unsafe")])
ASKING = Asking(role="agent", workspace_id="w1", agent_id="a1", messages=(System("Be brief."), User("Hello")))
USED = {"input_tokens": 12, "output_tokens": 7}


class Colour(BaseModel):
    """A colour."""

    name: str
    share: float


@asynccontextmanager
async def speaking(*script: Reply) -> AsyncIterator[tuple[Gateway, OpenAIStub]]:
    async with OpenAIStub(list(script)) as stub:
        settings = LlmSettings(
            default_model="openai:stub-1", openai_api_key="key", openai_base_url=stub.base_url, limits=LIMITS
        )
        gateway = Gateway(settings)
        try:
            yield gateway, stub
        finally:
            await gateway.aclose()


async def asked(asking: Asking, *script: Reply) -> Outcome:
    async with speaking(*script) as (gateway, _):
        return await ask_for_turn(gateway, TOOLS, asking)


def value_of(outcome: Outcome) -> JsonObject:
    assert outcome.fault is None, outcome.fault
    assert outcome.value is not None
    return outcome.value


def calls_of(outcome: Outcome) -> list[Json]:
    calls = value_of(outcome)["calls"]
    assert isinstance(calls, list)
    return calls


async def test_an_answer_with_who_gave_it_and_what_it_took() -> None:
    outcome = await asked(ASKING, Reply(text="Hi"))
    assert value_of(outcome)["text"] == "Hi"
    assert value_of(outcome)["models"] == ["openai:stub-1"]
    assert value_of(outcome)["effects"] == []
    assert "output" not in value_of(outcome)
    assert outcome.by == {"role": "agent", "agent_id": "a1", "provider": "openai", "model": "stub-1"}
    assert outcome.usage is not None
    assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (12, 7)


async def test_effects_are_noted_with_the_calls() -> None:
    given = (("look_up", '{"query": "x"}'), ("send", "{}"), ("send", "not json"), ("nothing", "{}"))
    asking = replace(ASKING, tools=("look_up", "send"))
    outcome = await asked(asking, Reply(calls=given, finish="tool_calls"))
    assert value_of(outcome)["effects"] == ["none", "unsafe", "none", "none"]
    assert len(calls_of(outcome)) == 4


async def test_a_tool_that_is_not_offered_has_no_effect() -> None:
    asking = replace(ASKING, tools=("look_up",))
    outcome = await asked(asking, Reply(calls=(("send", "{}"),), finish="tool_calls"))
    assert value_of(outcome)["effects"] == ["none"]


async def test_a_closing_question_offers_no_tools_and_says_so() -> None:
    asking = replace(ASKING, tools=("look_up",), is_closing=True)
    async with speaking(Reply(text="Enough", calls=(("look_up", "{}"),))) as (gateway, stub):
        outcome = await ask_for_turn(gateway, TOOLS, asking)
    (body,) = stub.calls
    assert "tools" not in body
    assert "No further tools" in str(body["messages"])
    assert value_of(outcome)["text"] == "Enough"
    assert calls_of(outcome) == []


async def test_a_form_is_validated() -> None:
    asking = replace(ASKING, output=form(Colour))
    outcome = await asked(asking, Reply(text='Sure:\n```json\n{"name": "red", "share": 0.5}\n```'))
    assert value_of(outcome)["output"] == {"name": "red", "share": 0.5}


async def test_a_form_is_repaired_once_with_the_errors() -> None:
    def only_red(colour: Colour) -> None:
        if colour.name != "red":
            raise ValueError("only red will do")

    asking = replace(ASKING, output=form(Colour, only_red), tools=("look_up",))
    script = (Reply(text='{"name": "blue", "share": 1}'), Reply(text='{"name": "red", "share": 1}'))
    async with speaking(*script) as (gateway, stub):
        outcome = await ask_for_turn(gateway, TOOLS, asking)
    assert value_of(outcome)["output"] == {"name": "red", "share": 1.0}
    assert "only red will do" in str(stub.calls[1]["messages"])
    assert outcome.usage is not None
    assert outcome.usage.input_tokens == 24


async def test_a_form_that_does_not_fit_twice_is_a_fault() -> None:
    outcome = await asked(replace(ASKING, output=form(Colour)), Reply(text='{"name": 1}'))
    assert outcome.fault is not None
    assert (outcome.fault.code, outcome.fault.retryable) == ("invalid_output", False)
    assert outcome.usage is not None
    assert outcome.usage.output_tokens == 14


async def test_tools_come_before_the_form() -> None:
    asking = replace(ASKING, output=form(Colour), tools=("look_up",))
    outcome = await asked(asking, Reply(calls=(("look_up", '{"query": "x"}'),), finish="tool_calls"))
    assert len(calls_of(outcome)) == 1
    assert "output" not in value_of(outcome)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(status=500), "provider_error"),
        (Reply(status=401), "credentials_refused"),
        (Reply(status=404), "model_not_found"),
        (Reply(text="cut", finish=None, has_done=False), "answer_cut"),
        (Reply(text="long", finish="length"), "answer_truncated"),
        (Reply(text="no", finish="content_filter"), "answer_filtered"),
        (Reply(raw=b"<html>"), "answer_malformed"),
        (Reply(text=""), "answer_empty"),
        (Reply(breaks="reset"), "model_connection_lost"),
        (Reply(status=429, headers={"Retry-After": "90000"}), "rate_limited"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
async def test_what_a_provider_does_wrong_is_a_fault_with_a_sentence(reply: Reply, code: str) -> None:
    outcome = await asked(ASKING, reply)
    assert outcome.value is None
    assert outcome.fault is not None
    assert outcome.fault.code == code
    assert outcome.fault.sentence
    assert outcome.by["model"] == "stub-1"


async def test_a_longer_pause_is_waited_for_without_a_worker() -> None:
    began = now()
    outcome = await asked(ASKING, Reply(status=429, headers={"Retry-After": "120"}))
    assert outcome.fault is None
    assert outcome.value is None
    assert outcome.retry_at is not None
    assert 100 < (outcome.retry_at - began).total_seconds() < 140


async def test_an_unknown_model_is_a_fault() -> None:
    outcome = await asked(replace(ASKING, models=("nobody:x",)), Reply(text="Hi"))
    assert outcome.fault is not None
    assert outcome.fault.code == "unknown_model"


async def test_models_are_asked_in_order() -> None:
    asking = replace(ASKING, models=("openai:one", "openai:two"))
    async with speaking(Reply(status=404), Reply(text="Hi")) as (gateway, stub):
        outcome = await ask_for_turn(gateway, TOOLS, asking)
    assert outcome.by["model"] == "two"
    assert stub.calls[-1]["model"] == "two"


def use(tool: str, arguments: JsonObject) -> Use:
    return Use(key="t.m1.t1", group="t", tool=tool, arguments=arguments, agent_id="a1", call_id="c1")


@pytest.mark.parametrize(
    ("tool", "arguments", "is_error"),
    [
        ("look_up", {"query": "x"}, False),
        ("look_up", {"_malformed": "{"}, True),
        ("send", {}, True),
        ("nothing", {}, True),
    ],
)
async def test_a_use_is_always_answered(
    db: Database, scope: Scope, tool: str, arguments: JsonObject, is_error: bool
) -> None:
    context = ToolContext(scope=scope, db=db, agent_id="a1", offered=("look_up",))
    outcome = await use_for_turn(TOOLS, context, use(tool, arguments))
    assert value_of(outcome)["is_error"] is is_error
    assert value_of(outcome)["text"]
    assert outcome.by == {"agent_id": "a1", "tool": tool}
