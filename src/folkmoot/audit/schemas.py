"""The audit log on the wire."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from folkmoot.kernel.json import JsonObject

_ENTRY: JsonObject = {
    "id": "01a1fdeb-4e21-7817-87a6-f36ffff09882",
    "at": "2026-11-21T11:43:39.164355Z",
    "actor_kind": "user",
    "actor_id": "01a1fdeb-1c05-7d3a-9f2e-5b6c7d8e9f01",
    "actor_name": "ada@example.org",
    "address": "192.0.2.7",
    "verb": "change_agent",
    "object_kind": "agent",
    "object_id": "01a1fdeb-2b11-7e0c-8a3d-0c1d2e3f4a5b",
    "detail": {"changed": ["config"]},
}


class AuditEntryView(BaseModel):
    """Who did what to which object, from which network address; `detail` says more, never a secret."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_ENTRY]})

    id: str
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    address: str | None
    verb: str
    object_kind: str
    object_id: str | None
    detail: JsonObject


class AuditLog(BaseModel):
    """`next` is the `after` of the following page, null at the end."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"entries": [_ENTRY], "next": None}]})

    entries: list[AuditEntryView]
    next: str | None
