"""The wire of models: what can be asked, how its provider is, and a first call."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, Text
from folkmoot.kernel.json import JsonObject
from folkmoot.llm.catalogue import Ability

_AT = "2026-11-21T11:43:40.194202Z"
_MODEL: JsonObject = {
    "name": "google:gemini-3.5-flash",
    "provider": "google",
    "abilities": ["chat", "tools", "structured_output"],
    "context_tokens": 1048576,
    "output_tokens": 65536,
    "is_default": True,
    "is_embedding_default": False,
    "details": {},
}
_PROVIDER: JsonObject = {
    "name": "google",
    "status": "ok",
    "error": None,
    "models": 1,
    "latency_seconds": 0.21,
    "has_own_key": False,
    "asked_at": _AT,
}
_TESTED: JsonObject = {
    "model": "google:gemini-3.5-flash",
    "ok": True,
    "latency_seconds": 0.812,
    "response": "Yes.",
    "dimensions": None,
    "usage": {"input_tokens": 9, "output_tokens": 2, "cost_usd": "0.000011"},
    "error": None,
}


class FaultView(BaseModel):
    """Why a model or its provider did not answer, in the words of docs/errors.md."""

    code: str
    sentence: str
    retryable: bool


class ModelView(BaseModel):
    """`abilities` are what its provider tells; one that tells nothing is taken by the model's name."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MODEL]})

    name: str
    provider: str
    abilities: list[Ability]
    context_tokens: int | None
    output_tokens: int | None
    is_default: bool
    is_embedding_default: bool
    details: JsonObject


class ProviderView(BaseModel):
    """A provider as it was when it was asked last, within the last minute."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PROVIDER]})

    name: str
    status: Literal["ok", "failed"]
    error: FaultView | None
    models: int
    latency_seconds: float
    has_own_key: bool
    asked_at: datetime


class ModelPage(Page):
    """Every model that can be asked in the workspace. `auto` as a model's name is the first that can chat."""

    models: list[ModelView]
    providers: list[ProviderView]
    default_model: str = Field(examples=["google:gemini-3.5-flash"])
    embedding_model: str | None = Field(examples=["google:gemini-embedding-001"])


class NewModelTest(BaseModel):
    """One call. Without a model it is the workspace's default, or EMBEDDING_MODEL where embeddings are asked for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"model": "google:gemini-3.5-flash", "message": "Are you there?"}]},
    )

    model: Line | None = None
    message: Annotated[Text, Field(max_length=4000)] = "Answer with the word yes."
    ability: Literal["chat", "embeddings"] = "chat"


class CallUsage(BaseModel):
    """What a call has used; `cost_usd` is null where nobody knows the price."""

    input_tokens: int
    output_tokens: int
    cost_usd: str | None


class ModelTestView(BaseModel):
    """What came of the call; `dimensions` are those of a vector."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TESTED]})

    model: str
    ok: bool
    latency_seconds: float
    response: str | None
    dimensions: int | None
    usage: CallUsage | None
    error: FaultView | None


class OllamaModelView(BaseModel):
    """As Ollama tells it; `size` in bytes."""

    name: str
    size: int | None
    modified_at: str | None
    details: JsonObject


class OllamaModels(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "models": [
                        {
                            "name": "llama3.2:3b",
                            "size": 2019393189,
                            "modified_at": "2026-11-02T10:00:00+01:00",
                            "details": {"family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M"},
                        }
                    ]
                }
            ]
        }
    )

    models: list[OllamaModelView]
