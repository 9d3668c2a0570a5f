"""The wires of language models, each with a stub of its provider's server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from folkmoot.llm.gateway import Gateway, Request
from folkmoot.llm.messages import System, User
from folkmoot.llm.settings import LlmLimits, LlmSettings
from tests.stubs import gemini_stub, ollama_stub, openai_stub
from tests.stubs.gemini_stub import GeminiStub
from tests.stubs.ollama_stub import OllamaStub
from tests.stubs.openai_stub import OpenAIStub
from tests.stubs.stub import Script, Stub

PATIENT = LlmLimits(connect=5, first_token=10, idle=10, total=20, backoff=0.001, sleep_in_place=0.05)
"""A busy machine is no fault; what is to run out of time has limits of its own."""

KEY = "AIzaSy-key-of-the-operator-0123456789"


@dataclass(frozen=True)
class Wire:
    """How one is spoken to; `model` is one that its stub knows."""

    provider: str
    stub: type[Stub]
    model: str
    embedding_model: str
    key_header: str | None

    @property
    def name(self) -> str:
        return f"{self.provider}:{self.model}"

    @property
    def hello(self) -> Request:
        return Request(models=(self.name,), messages=(System("You are kind."), User("Hello")))

    def asking(self, *names: str, **changes: object) -> Request:
        """The same question of other models."""
        return replace(self.hello, models=names or (self.name,), **changes)  # type: ignore[arg-type]


WIRES = (
    Wire("openai", OpenAIStub, openai_stub.MODEL, "text-embedder", "Authorization"),
    Wire("google", GeminiStub, gemini_stub.MODEL, "gemini-embedding-stub", "x-goog-api-key"),
    Wire("ollama", OllamaStub, ollama_stub.MODEL, "embed-stub:latest", None),
)


def settings_for(*stubs: Stub, limits: LlmLimits = PATIENT, **others: str) -> LlmSettings:
    """Those that lead to these stubs."""
    settings = LlmSettings(limits=limits, **others)  # type: ignore[arg-type]
    for stub in stubs:
        match stub:
            case OpenAIStub():
                settings = replace(settings, openai_api_key=KEY, openai_base_url=stub.base_url)
            case GeminiStub():
                settings = replace(settings, google_api_key=KEY, google_base_url=stub.base_url)
            case OllamaStub():
                settings = replace(settings, ollama_host=stub.address)
    return settings


@asynccontextmanager
async def asked(
    wire: Wire, script: Script, *, chunks: int = 5, limits: LlmLimits = PATIENT
) -> AsyncIterator[tuple[Gateway, Stub]]:
    async with wire.stub(script, chunks=chunks) as stub, opened(settings_for(stub, limits=limits)) as gateway:
        yield gateway, stub


@asynccontextmanager
async def opened(settings: LlmSettings) -> AsyncIterator[Gateway]:
    gateway = Gateway(settings)
    try:
        yield gateway
    finally:
        await gateway.aclose()
