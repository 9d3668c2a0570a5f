"""Known answers: only to the same question of the same workspace, within bounds, and nothing where Redis is down."""

import os
from dataclasses import replace
from decimal import Decimal

import pytest

from folkmoot.agents.calls import Asking, ask_for_turn, form
from folkmoot.agents.known import key_of
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.llm import cache as caches
from folkmoot.llm.cache import LARGEST_BYTES, MemoryCache, RedisCache, open_cache
from folkmoot.llm.gateway import Request
from folkmoot.llm.messages import Assistant, OutputSchema, System, ToolCall, ToolResult, ToolSchema, User
from folkmoot.runs.journal import Outcome
from folkmoot.tools.registry import ToolRegistry
from tests.agents.office import LOOK_UP
from tests.agents.test_calls import Colour, speaking
from tests.stubs.openai_stub import Reply

ASKED = Request(workspace_id="w1", messages=(System("Be brief."), User("Hello")))
ASKING = Asking(role="agent", workspace_id="w1", messages=ASKED.messages, is_cacheable=True)
TOOLS = ToolRegistry([LOOK_UP])
ANSWER: JsonObject = {"text": "Hi"}


def test_a_key_is_of_everything_that_the_answer_depends_on() -> None:
    tool = ToolSchema("look_up", "Looks up", {"type": "object"})
    others = [
        replace(ASKED, workspace_id="w2"),
        replace(ASKED, messages=(*ASKED.messages, Assistant("Hi"))),
        replace(ASKED, messages=(System("Be brief."), User("Hello "))),
        replace(ASKED, max_tokens=10),
        replace(ASKED, temperature=0.0),
        replace(ASKED, tools=(tool,)),
        replace(ASKED, tools=(replace(tool, description="Looks it up"),)),
        replace(ASKED, output=OutputSchema("a", {"type": "object"})),
    ]
    keys = {key_of(request, ("openai:a",), "1") for request in (ASKED, replace(ASKED), *others)}
    keys |= {key_of(ASKED, ("openai:b",), "1"), key_of(ASKED, ("openai:a",), "2")}
    assert len(keys) == 1 + len(others) + 2


async def test_memory_is_bounded_by_number_bytes_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = MemoryCache(most_entries=2, most_bytes=100)
    for key in "abc":
        await cache.keep(key, ANSWER)
    assert [await cache.find(key) for key in "abc"] == [None, ANSWER, ANSWER]
    await cache.find("b")
    await cache.keep("d", {"text": "x" * 70})
    assert (await cache.find("c"), await cache.find("b")) == (None, ANSWER)
    await cache.keep("e", {"text": "x" * 200})
    assert await cache.find("e") is None
    assert cache.bytes <= 100
    monkeypatch.setattr(caches, "KEPT_SECONDS", -1)
    await cache.keep("b", ANSWER)
    assert (await cache.find("b"), len(cache)) == (None, 1)
    large = MemoryCache()
    await large.keep("a", {"text": "x" * LARGEST_BYTES})
    assert len(large) == 0


async def test_what_is_kept_is_no_longer_the_callers() -> None:
    cache = MemoryCache()
    answer: JsonObject = {"text": "Hi", "calls": []}
    await cache.keep("a", answer)
    answer["text"] = "Changed"
    found = await cache.find("a")
    assert found == {"text": "Hi", "calls": []}


async def asked(*askings: Asking, script: tuple[Reply, ...]) -> tuple[list[Outcome], int]:
    """What came of the questions one after the other, and how many calls they took."""
    async with speaking(*script) as (gateway, stub):
        gateway.cache = MemoryCache()
        outcomes = [await ask_for_turn(gateway, TOOLS, asking) for asking in askings]
        return outcomes, len(stub.calls)


async def test_the_same_question_is_asked_once() -> None:
    (first, second), calls = await asked(ASKING, ASKING, script=(Reply(text="Hi"), Reply(text="Ho")))
    assert calls == 1
    assert second.value == first.value
    assert second.by == first.by
    assert first.usage is not None
    assert second.usage is not None
    assert (first.usage.cache, second.usage.cache) == ("miss", "hit")
    assert (second.usage.input_tokens, second.usage.output_tokens, second.usage.cost) == (0, 0, Decimal(0))


async def test_another_workspace_and_a_judgement_ask_anew() -> None:
    other, judged = replace(ASKING, workspace_id="w2"), replace(ASKING, is_cacheable=False)
    outcomes, calls = await asked(ASKING, other, judged, judged, script=(Reply(text="Hi"),))
    assert calls == 4
    assert [outcome.usage and outcome.usage.cache for outcome in outcomes] == ["miss", "miss", None, None]


async def test_what_calls_tools_or_follows_from_them_is_not_kept() -> None:
    with_tools = replace(ASKING, tools=("look_up",))
    call = Reply(calls=(("look_up", "{}"),), finish="tool_calls")
    assert (await asked(with_tools, with_tools, script=(call,)))[1] == 2
    result = ToolResult("c1", "look_up", "42")
    after = replace(ASKING, messages=(*ASKING.messages, Assistant("", (ToolCall("c1", "look_up", {}),)), result))
    assert (await asked(after, after, script=(Reply(text="Hi"),)))[1] == 2


async def test_faults_are_not_kept() -> None:
    (first, second), calls = await asked(ASKING, ASKING, script=(Reply(status=401, text="no"), Reply(text="Hi")))
    assert (first.fault is not None, second.fault, calls) == (True, None, 2)


async def test_a_kept_form_is_checked_again() -> None:
    def check(colour: Colour) -> None:
        if is_strict:
            raise ValueError("not now")

    is_strict = False
    asking = replace(ASKING, output=form(Colour, check))
    blue, red = Reply(text='{"name": "blue", "share": 0.5}'), Reply(text='{"name": "red", "share": 0.5}')
    async with speaking(blue, red) as (gateway, stub):
        gateway.cache = MemoryCache()
        for _ in range(2):
            kept = await ask_for_turn(gateway, TOOLS, asking)
            assert kept.value is not None
            assert kept.value["output"] == {"name": "blue", "share": 0.5}
        assert len(stub.calls) == 1
        is_strict = True
        refused = await ask_for_turn(gateway, TOOLS, asking)
        assert (refused.fault and refused.fault.code, len(stub.calls)) == ("invalid_output", 3)


async def test_a_redis_that_is_down_knows_nothing_and_is_left_alone(unused_tcp_port: int) -> None:
    cache = RedisCache(f"redis://127.0.0.1:{unused_tcp_port}/0")
    await cache.keep("a", ANSWER)
    assert await cache.find("a") is None
    assert cache._rests_until > 0
    await cache.aclose()


def test_which_cache_there_is() -> None:
    assert open_cache("none", None) is None
    assert isinstance(open_cache("memory", None), MemoryCache)
    assert isinstance(open_cache("redis", "redis://127.0.0.1"), RedisCache)


@pytest.mark.redis
async def test_redis_is_shared_and_survives_whatever_stands_there() -> None:
    url, key = os.environ.get("FOLKMOOT_TEST_REDIS") or "redis://127.0.0.1:6379/0", new_id()
    one, other = RedisCache(url), RedisCache(url)
    await one.keep(key, ANSWER)
    assert await other.find(key) == ANSWER
    assert 0 < await one._redis.ttl(f"folkmoot:answer:{key}") <= caches.KEPT_SECONDS
    await one._redis.set(f"folkmoot:answer:{key}", b"\x80\x04K\x01.", ex=10)
    assert await other.find(key) is None
    await one.aclose()
    await other.aclose()
