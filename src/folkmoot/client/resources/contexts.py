"""What operations of contexts answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource
from folkmoot.kernel.json import Json, JsonObject


class ContextSummary(Resource):
    """A context without its data; `agent_id` is null where the project owns it."""

    context_id: str
    context_name: str
    agent_id: str | None
    project_id: str
    current_version: int
    rollback_pointer: int | None
    rollback_state: str | None
    created_at: datetime
    updated_at: datetime


class ContextPage(Resource):
    total: int
    skip: int
    limit: int
    contexts: list[ContextSummary]


class Context(Resource):
    """A context as it reads at `version`; at version 0, before the first write, its data is `{}`."""

    context_id: str
    context_name: str
    current_version: int
    version: int
    data: JsonObject
    change_description: str | None
    created_by: str | None
    created_at: datetime


class PatchOperation(Resource):
    """One operation of a JSON Patch (RFC 6902); `remove` has no value."""

    op: str
    path: str
    value: Json = None


class Reader(Resource):
    """A run that has read the version, first at `read_at`."""

    run_id: str
    kind: str
    title: str
    status: str
    read_at: datetime


class ReaderPage(Resource):
    total: int
    skip: int
    limit: int
    readers: list[Reader]


class Rollback(Resource):
    """The context as it reads now, and the record of the rollback."""

    context_id: str
    context_name: str
    current_version: int
    version: int
    data: JsonObject
    change_description: str | None
    created_by: str | None
    created_at: datetime
    rollback_pointer: int
    rollback_state: str


class Version(Resource):
    """Who wrote a version, in which run, and why; its data is read at the context."""

    version: int
    change_description: str | None
    created_by: str
    run_id: str | None
    created_at: datetime


class VersionPage(Resource):
    total: int
    skip: int
    limit: int
    versions: list[Version]
