"""The wire of API keys. The key itself is in one answer only, the one that made it."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from folkmoot.accounts.rules import KeyScope
from folkmoot.http.schemas import Page
from folkmoot.http.text import Line
from folkmoot.kernel.json import JsonObject

_AT = "2026-11-21T11:43:40.194202Z"
_SAID: JsonObject = {"name": "nightly report", "scopes": ["read", "write"], "expires_at": "2027-11-21T00:00:00Z"}
_SHOWN: JsonObject = {
    "id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
    "prefix": "fmkey_4f9a01c7be52",
    **_SAID,
    "workspace_id": None,
    "last_used_at": None,
    "revoked_at": None,
    "created_at": _AT,
}


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None


def _each_once(scopes: list[KeyScope]) -> list[KeyScope]:
    return list(dict.fromkeys(scopes))


Scopes = Annotated[list[KeyScope], Field(min_length=1, max_length=3), AfterValidator(_each_once)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class NewApiKey(BaseModel):
    """With a `workspace_id` the key is for that workspace only; without `expires_at` it is good until revoked."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_SAID]})

    name: Line
    scopes: Scopes
    workspace_id: Line | None = None
    expires_at: Moment | None = None


class ApiKeyView(BaseModel):
    """`prefix` is how the key begins, enough to tell one from another."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN]})

    id: str
    name: str
    prefix: str
    scopes: list[KeyScope]
    workspace_id: str | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


class MadeApiKey(ApiKeyView):
    """`key` is shown this once and kept nowhere."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_SHOWN, "key": f"fmkey_4f9a01c7be52_{'x' * 43}"}]})

    key: Annotated[str, Field(repr=False)]


class ApiKeyPage(Page):
    api_keys: list[ApiKeyView]
