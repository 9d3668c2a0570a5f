"""The wire of secrets: a value comes in and never goes out."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from folkmoot.http.schemas import Page
from folkmoot.kernel.json import Json, JsonObject, clean_text
from folkmoot.providers.rules import KeyState

_AT = "2026-11-21T11:43:40.194202Z"
_SECRET: JsonObject = {"name": "openai_api_key", "key": "current", "created_at": _AT, "updated_at": _AT}

_LEFT: Json = [{"workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217", "name": "google_api_key"}]


def _sound(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if clean_text(text) != text:
        raise ValueError("contains NUL or a lone surrogate")
    return value


class NewSecret(BaseModel):
    """A secret's value, encrypted before it is kept."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"value": "sk-proj-0123456789abcdef"}]})

    value: Annotated[SecretStr, Field(min_length=1, max_length=8192), AfterValidator(_sound)]


class SecretView(BaseModel):
    """That there is a secret, never what it is. `key` says with which of the server's keys it is encrypted:
    the current one, an old one until `rotate`, or one that the server does not have any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SECRET]})

    name: str
    key: KeyState
    created_at: datetime
    updated_at: datetime


class SecretPage(Page):
    secrets: list[SecretView]


class UnreadableSecret(BaseModel):
    """A secret that none of the server's keys decrypts."""

    workspace_id: str
    name: str


class Rotated(BaseModel):
    """How many secrets were encrypted anew, and those that could not be read and are left as they were."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rotated": 12, "unreadable": _LEFT}]})

    rotated: int
    unreadable: list[UnreadableSecret]
