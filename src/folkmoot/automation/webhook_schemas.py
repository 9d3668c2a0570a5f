"""Webhooks on the wire. What signs their calls is in two answers only: the one that made it and that of a rotation."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.automation.rules import EVERYTHING, DeliveryStatus, DisabledReason
from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, Safe
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.net.rules import MAX_URL

_AT = "2026-11-21T11:43:40.194202Z"
_URL = "https://hooks.example/folkmoot"
_TYPES: Json = ["task_completed", "failure"]
_SUMMARY: JsonObject = {
    "id": "01a1fdeb-6e2b-736f-9bc5-3f195b7ea217",
    "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
    "project_id": None,
    "name": "Tickets",
    "types": _TYPES,
    "is_enabled": True,
    "disabled_reason": None,
    "created_at": _AT,
    "updated_at": _AT,
}
_SHOWN: JsonObject = {**_SUMMARY, "url": _URL}
_DELIVERY: JsonObject = {
    "id": "01a1fdeb-7e2b-736f-9bc5-3f195b7ea217",
    "seq": 42,
    "event_type": "task_completed",
    "status": "pending",
    "attempts": 1,
    "next_at": "2026-11-21T11:43:51.194202Z",
    "response_status": 503,
    "response_body": "try again later",
    "error": "The answer was 503",
    "created_at": _AT,
    "updated_at": _AT,
}

Url = Annotated[Safe, Field(min_length=1, max_length=MAX_URL, description="http or https, at a public address")]
EventTypes = Annotated[
    list[Annotated[Line, Field(max_length=64)]],
    Field(min_length=1, max_length=100, description=f"Types of events, or {EVERYTHING} for all"),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewWebhook(_Body):
    """With a `project_id` only what is about that project's things is sent. What happened before is not sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Tickets", "url": _URL, "types": _TYPES}]})

    name: Line
    url: Url
    types: EventTypes
    project_id: Line | None = None
    is_enabled: bool = True


class WebhookChange(_Body):
    """What is not given stays. One that is enabled again goes on where it stopped, as far back as the log reaches."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"types": [EVERYTHING], "is_enabled": True}]})

    name: Line | None = None
    url: Url | None = None
    types: EventTypes | None = None
    is_enabled: bool | None = None


class WebhookSummary(BaseModel):
    """As events tell it: a URL may hold a secret, and events are for every member."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUMMARY]})

    id: str
    workspace_id: str
    project_id: str | None
    name: str
    types: list[str]
    is_enabled: bool
    disabled_reason: DisabledReason | None = Field(description="Where nobody asked for it")
    created_at: datetime
    updated_at: datetime


class WebhookView(WebhookSummary):
    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN]})

    url: str


class MadeWebhook(WebhookView):
    """`secret` is shown this once; with it the receiver checks the signature of each call."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_SHOWN, "secret": f"fmhook_{'x' * 43}"}]})

    secret: Annotated[str, Field(repr=False)]


class WebhookPage(Page):
    webhooks: list[WebhookView]


class DeliveryView(BaseModel):
    """An event on its way: `next_at` is when it is tried (again); what was answered last is cut to 1 KB."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DELIVERY]})

    id: str
    seq: int | None = Field(description="Of the event; null of a ping")
    event_type: str
    status: DeliveryStatus
    attempts: int
    next_at: datetime | None
    response_status: int | None
    response_body: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime


class DeliveryPage(Page):
    deliveries: list[DeliveryView]
