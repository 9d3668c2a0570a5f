"""What the gateway has to be told, as plain values: the environment is the composition root's business."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from pydantic import SecretStr

OPENAI_URL = "https://api.openai.com/v1"
GOOGLE_URL = "https://generativelanguage.googleapis.com/v1beta"
OLLAMA_URL = "http://localhost:11434"


@dataclass(frozen=True, slots=True)
class LlmLimits:
    """Times in seconds. A plain (not streamed) answer has no first token: only `total` bounds it."""

    connect: float = 10.0
    first_token: float = 60.0
    idle: float = 30.0
    total: float = 300.0
    output_characters: int = 2_000_000
    backoff: float = 0.5
    sleep_in_place: float = 10.0


class TokenPrices(Protocol):
    """USD per million tokens."""

    @property
    def input(self) -> Decimal: ...

    @property
    def output(self) -> Decimal: ...

    @property
    def cached(self) -> Decimal | None:
        """Of input tokens that the provider had kept; None: as any others."""


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """Keys and addresses of providers; one that is not set is not configured. `prices` by `provider:name`.

    `ollama_host` is where Ollama listens; None means "not chosen by anyone", and then `ollama:NAME` still
    speaks to its usual local address, but Ollama is never the default.
    """

    default_model: str | None = None
    embedding_model: str | None = None
    openai_api_key: str | None = field(default=None, repr=False)
    openai_base_url: str | None = field(default=None, repr=False)
    google_api_key: str | None = field(default=None, repr=False)
    google_base_url: str = field(default=GOOGLE_URL, repr=False)
    ollama_host: str | None = field(default=None, repr=False)
    prices: Mapping[str, TokenPrices] = field(default_factory=dict)
    limits: LlmLimits = LlmLimits()


class Configured(Protocol):
    """The part of the process's settings that is about providers."""

    default_model: str | None
    embedding_model: str | None
    openai_api_key: SecretStr | None
    openai_base_url: str | None
    google_api_key: SecretStr | None
    google_base_url: str | None
    ollama_host: str | None

    @property
    def model_prices(self) -> Mapping[str, TokenPrices]: ...


def llm_settings(given: Configured, limits: LlmLimits | None = None) -> LlmSettings:
    return LlmSettings(
        default_model=given.default_model,
        embedding_model=given.embedding_model,
        openai_api_key=_revealed(given.openai_api_key),
        openai_base_url=given.openai_base_url,
        google_api_key=_revealed(given.google_api_key),
        google_base_url=given.google_base_url or GOOGLE_URL,
        ollama_host=given.ollama_host,
        prices=given.model_prices,
        limits=limits or LlmLimits(),
    )


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
