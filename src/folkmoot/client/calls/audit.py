"""Calls of audit. Written by `make docs`."""

from datetime import datetime

from folkmoot.client import wire
from folkmoot.client.resources.audit import AuditLog
from folkmoot.client.wire import Call


def list_audit_entries(
    *,
    after: str | None = None,
    limit: int | None = None,
    actor_id: str | None = None,
    verb: str | None = None,
    object_kind: str | None = None,
    object_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Call[AuditLog]:
    """Who did what in the workspace, newest first."""
    return Call(
        "GET",
        "/api/audit",
        wire.one(AuditLog),
        query={
            "after": after,
            "limit": limit,
            "actor_id": actor_id,
            "verb": verb,
            "object_kind": object_kind,
            "object_id": object_id,
            "since": since,
            "until": until,
        },
    )


def export_audit_entries(
    *,
    format: str | None = None,
    actor_id: str | None = None,
    verb: str | None = None,
    object_kind: str | None = None,
    object_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Call[str]:
    """All of the workspace's entries that are wanted, newest first, as a file."""
    return Call(
        "GET",
        "/api/audit/export",
        wire.text,
        query={
            "format": format,
            "actor_id": actor_id,
            "verb": verb,
            "object_kind": object_kind,
            "object_id": object_id,
            "since": since,
            "until": until,
        },
    )


def list_installation_audit_entries(
    *,
    after: str | None = None,
    limit: int | None = None,
    actor_id: str | None = None,
    verb: str | None = None,
    object_kind: str | None = None,
    object_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Call[AuditLog]:
    """Who did what that concerns no workspace, such as logins and users, newest first."""
    return Call(
        "GET",
        "/api/audit/installation",
        wire.one(AuditLog),
        query={
            "after": after,
            "limit": limit,
            "actor_id": actor_id,
            "verb": verb,
            "object_kind": object_kind,
            "object_id": object_id,
            "since": since,
            "until": until,
        },
    )
