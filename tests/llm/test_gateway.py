"""The stub's own scripts and what the gateway does around its first call."""

import asyncio
import sys

from pydantic import BaseModel

from folkmoot.llm.gateway import Gateway, Request
from folkmoot.llm.messages import OutputSchema, ToolResult, ToolSchema, User
from folkmoot.llm.settings import LlmSettings
from folkmoot.llm.structured import ask_structured
from tests.llm.support import HELLO, asked
from tests.stubs.openai_stub import team_script, tool_script


class Verdict(BaseModel):
    decision: str
    confidence: float


async def test_loading_costs_nothing_before_the_first_call() -> None:
    """Importing what every room imports must not load the wires: half a second and 40 MB."""
    code = (
        "import sys, folkmoot.llm.gateway as g, folkmoot.llm.structured, folkmoot.llm.settings as s;"
        "g.Gateway(s.LlmSettings()).describe();"
        "sys.exit(any(name in sys.modules for name in ('aiohttp', 'genai_prices')))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0


async def test_many_first_calls_at_once_load_once() -> None:
    gateway = Gateway(LlmSettings())
    await gateway.warm()
    answers = await asyncio.gather(*(gateway.ask(Request(messages=(User("Hi"),))) for _ in range(20)))
    assert len({answer.text for answer in answers}) == 1
    await gateway.aclose()
    await gateway.aclose()


async def test_a_closed_gateway_opens_again() -> None:
    async with asked(tool_script) as (gateway, _):
        await gateway.ask(HELLO)
        await gateway.aclose()
        assert (await gateway.ask(HELLO)).text


async def test_the_stub_plays_a_team() -> None:
    async with asked(team_script) as (gateway, _):
        verdict, _ = await ask_structured(gateway, HELLO, Verdict)
        output = OutputSchema("Plan", {"type": "object"})
        plan = await gateway.ask(Request(models=HELLO.models, messages=HELLO.messages, output=output))
    assert verdict.decision == "approve"
    assert '"steps"' in plan.text


async def test_the_stub_calls_a_tool_once() -> None:
    search = ToolSchema("search_knowledge", "Searches", {"type": "object"})
    async with asked(tool_script) as (gateway, _):
        first = await gateway.ask(Request(models=HELLO.models, messages=HELLO.messages, tools=(search,)))
        (call,) = first.calls
        told = (*HELLO.messages, first.message, ToolResult(call.id, call.name, "found"))
        second = await gateway.ask(Request(models=HELLO.models, messages=told, tools=(search,)))
    assert call.arguments == {"query": "crash"}
    assert second.calls == ()
