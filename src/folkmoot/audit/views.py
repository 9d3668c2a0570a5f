"""Rows of the audit log as they are shown."""

from collections.abc import Sequence

from folkmoot.audit.schemas import AuditEntryView, AuditLog
from folkmoot.audit.tables import AuditEntry


def page_of(entries: Sequence[AuditEntry], limit: int) -> AuditLog:
    """A page, and where the following one begins."""
    shown = [AuditEntryView.model_validate(entry) for entry in entries]
    return AuditLog(entries=shown, next=shown[-1].id if len(shown) == limit else None)
