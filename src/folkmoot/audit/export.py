"""The audit log as a file: read in short units, written page by page, never held whole."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Literal

from folkmoot.audit.queries import Wanted, list_entries
from folkmoot.audit.schemas import AuditEntryView
from folkmoot.audit.tables import AuditEntry
from folkmoot.db.database import Database
from folkmoot.http.spreadsheet import MEDIA_TYPE, cell, csv_of
from folkmoot.kernel.json import dumps

Format = Literal["csv", "jsonl"]

PAGE = 500
MEDIA_TYPES: dict[Format, str] = {"csv": MEDIA_TYPE, "jsonl": "application/jsonl"}

_COLUMNS = tuple(AuditEntryView.model_fields)


async def export(db: Database, workspace_id: str | None, wanted: Wanted, format: Format) -> AsyncGenerator[bytes, None]:
    """All entries that are wanted, newest first, as they are when their page is read; CSV begins with a heading."""
    entries = await db.read_long(list_entries, workspace_id, wanted, None, PAGE)
    if format == "csv":
        yield csv_of([_COLUMNS])
    while entries:
        yield _WRITERS[format](entries)
        after = entries[-1].id
        entries = await db.read_long(list_entries, workspace_id, wanted, after, PAGE)


def _as_csv(entries: Sequence[AuditEntry]) -> bytes:
    return csv_of([[cell(value) for value in _view(entry).values()] for entry in entries])


def _as_jsonl(entries: Sequence[AuditEntry]) -> bytes:
    return "".join(f"{dumps(_view(entry))}\n" for entry in entries).encode()


_WRITERS: dict[Format, Callable[[Sequence[AuditEntry]], bytes]] = {"csv": _as_csv, "jsonl": _as_jsonl}


def _view(entry: AuditEntry) -> dict[str, object]:
    return AuditEntryView.model_validate(entry).model_dump(mode="json")
