"""The wire of contexts: what is written, what is read, and what became of a context over time."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic.config import JsonDict

from folkmoot.contexts.rules import DEFAULT_NAME, ContextRollbackState
from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, Safe
from folkmoot.kernel.json import Json, JsonObject


def _an_object(value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError("is no JSON object")
    return value


def _as_it_is(value: object) -> object:
    return value


# Any object: what comes in was read from JSON and what goes out from the database, so its parts are not looked at
# one by one, which takes 0.4 s of a document of 1 MB.
Data = Annotated[
    JsonObject,
    PlainValidator(_an_object),
    PlainSerializer(_as_it_is, return_type=object),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
Description = Annotated[Safe, Field(max_length=10_000)]

_WRITTEN: JsonDict = {
    "data": {"decision": "SQLite first", "open": ["backups"]},
    "change_description": "Decided the database",
}
_CONTEXT: JsonDict = {
    "context_id": "01a1fdeb-5a10-7d1c-8f3b-6a1d2f0c9b11",
    "context_name": "default",
    "current_version": 2,
}
_READ: JsonDict = {
    **_CONTEXT,
    "version": 2,
    **_WRITTEN,
    "created_by": "user:local",
    "created_at": "2026-11-21T11:43:40.174309Z",
}
_RUN_ID = "01a1fdeb-5c01-7a77-9d0e-2f4b8a6c1e05"


class NewContextVersion(BaseModel):
    """The whole new state. With `expected_version` it is written only while that version is the current one.

    `created_by` and `run_id` say who writes and in which run; default is the caller, in none.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_WRITTEN]})

    data: Data
    change_description: Description | None = None
    created_by: Line | None = None
    expected_version: Annotated[int, Field(ge=0)] | None = None
    run_id: Line | None = None


class NewAgentContextVersion(NewContextVersion):
    model_config = ConfigDict(json_schema_extra={"examples": [{"context_name": DEFAULT_NAME, **_WRITTEN}]})

    context_name: Line = DEFAULT_NAME


class Rollback(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"target_version": 1}]})

    target_version: int


class AgentRollback(Rollback):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"context_name": DEFAULT_NAME, "target_version": 1}]},
    )

    context_name: Line = DEFAULT_NAME


class ContextView(BaseModel):
    """A context as it reads at `version`; at version 0, before the first write, its data is `{}`."""

    model_config = ConfigDict(json_schema_extra={"examples": [_READ]})

    context_id: str
    context_name: str
    current_version: int
    version: int
    data: Data
    change_description: str | None
    created_by: str | None
    created_at: datetime


class RollbackView(ContextView):
    """The context as it reads now, and the record of the rollback."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_READ, "rollback_pointer": 2, "rollback_state": "success"}]},
    )

    rollback_pointer: int
    rollback_state: ContextRollbackState


class ContextSummary(BaseModel):
    """A context without its data; `agent_id` is null where the project owns it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_CONTEXT,
                    "agent_id": "01a1fdeb-528c-795c-a298-63e88eb6eb82",
                    "project_id": "01a1fdeb-4e2b-7fcb-8194-8f8fed760416",
                    "rollback_pointer": None,
                    "rollback_state": None,
                    "created_at": "2026-11-21T11:43:39.274399Z",
                    "updated_at": "2026-11-21T11:43:40.174309Z",
                }
            ]
        }
    )

    context_id: str
    context_name: str
    agent_id: str | None
    project_id: str
    current_version: int
    rollback_pointer: int | None
    rollback_state: ContextRollbackState | None
    created_at: datetime
    updated_at: datetime


class ContextPage(Page):
    contexts: list[ContextSummary]


class VersionView(BaseModel):
    """Who wrote a version, in which run, and why; its data is read at the context."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "version": 2,
                    "change_description": "Decided the database",
                    "created_by": "user:local",
                    "run_id": _RUN_ID,
                    "created_at": "2026-11-21T11:43:40.174309Z",
                }
            ]
        },
    )

    version: int
    change_description: str | None
    created_by: str
    run_id: str | None
    created_at: datetime


class VersionPage(Page):
    versions: list[VersionView]


class ReaderView(BaseModel):
    """A run that has read the version, first at `read_at`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run_id": _RUN_ID,
                    "kind": "team",
                    "title": "Summarise README.md",
                    "status": "completed",
                    "read_at": "2026-11-21T11:43:41.002113Z",
                }
            ]
        },
    )

    run_id: str
    kind: str
    title: str
    status: str
    read_at: datetime


class ReaderPage(Page):
    readers: list[ReaderView]


class PatchOperation(BaseModel):
    """One operation of a JSON Patch (RFC 6902); `remove` has no value."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"op": "replace", "path": "/decision", "value": "SQLite first"}]},
    )

    op: Literal["add", "remove", "replace"]
    path: str
    value: Json = None
