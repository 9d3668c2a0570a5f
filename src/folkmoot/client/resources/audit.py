"""What operations of audit answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class AuditEntry(Resource):
    """Who did what to which object, from which network address; `detail` says more, never a secret."""

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


class AuditLog(Resource):
    """`next` is the `after` of the following page, null at the end."""

    entries: list[AuditEntry]
    next: str | None
