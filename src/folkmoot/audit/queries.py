"""Every SELECT on the audit log: newest first, page after page by the id of the last entry seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from folkmoot.audit.tables import AuditEntry
from folkmoot.db.tx import Tx

_ENTRIES = sa.select(*AuditEntry.__table__.columns).order_by(AuditEntry.id.desc())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries: those that are like every field that is given; `since` is included, `until` is not."""

    actor_id: str | None = None
    verb: str | None = None
    object_kind: str | None = None
    object_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        columns = AuditEntry.__table__.columns
        found = [
            columns[name] == value
            for name in ("actor_id", "verb", "object_kind", "object_id")
            if (value := getattr(self, name)) is not None
        ]
        if self.since is not None:
            found.append(columns["at"] >= self.since)
        if self.until is not None:
            found.append(columns["at"] < self.until)
        return found


def list_entries(
    tx: Tx, workspace_id: str | None, wanted: Wanted, after: str | None, limit: int
) -> Sequence[AuditEntry]:
    """A workspace's entries, or with None those of the whole installation, that come after the entry `after`."""
    where = [AuditEntry.workspace_id == workspace_id, *wanted.conditions()]  # == None is made IS NULL
    if after is not None:
        where.append(AuditEntry.id < after)
    return tx.all(AuditEntry, _ENTRIES.where(*where).limit(limit))
