"""A gateway against a stub server, with waits of milliseconds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from folkmoot.llm.gateway import Gateway, Request
from folkmoot.llm.messages import System, User
from folkmoot.llm.settings import LlmLimits, LlmSettings
from tests.stubs.openai_stub import OpenAIStub, Script

KEY = "sk-secret-of-the-operator-123456"
FAST = LlmLimits(connect=1.0, first_token=0.2, idle=0.2, total=0.6, backoff=0.001, sleep_in_place=0.05)
HELLO = Request(models=("openai:stub-1",), messages=(System("You are kind."), User("Hello")))


class Heard:
    """Deltas kept: what is void after a reset is gone. Nobody's budget is over what is asked."""

    account = None

    def __init__(self) -> None:
        self.written = ""
        self.pieces = 0
        self.resets = 0

    def text(self, delta: str, /) -> None:
        self.written += delta
        self.pieces += 1

    def reset(self) -> None:
        self.written = ""
        self.resets += 1


@asynccontextmanager
async def asked(
    script: Script, *, chunks: int = 5, limits: LlmLimits = FAST, default_model: str | None = None
) -> AsyncIterator[tuple[Gateway, OpenAIStub]]:
    async with OpenAIStub(script, chunks=chunks) as stub:
        settings = LlmSettings(
            default_model=default_model, openai_api_key=KEY, openai_base_url=stub.base_url, limits=limits
        )
        gateway = Gateway(settings)
        try:
            yield gateway, stub
        finally:
            await gateway.aclose()


def with_limits(*, idle: float = FAST.idle, total: float = FAST.total) -> LlmLimits:
    return replace(FAST, idle=idle, total=total)
