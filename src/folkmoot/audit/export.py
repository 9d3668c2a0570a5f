"""The audit log as a file: read in short units, written page by page, never held whole."""

import csv
from collections.abc import AsyncGenerator, Callable, Sequence
from io import StringIO
from typing import Literal

from folkmoot.audit.queries import Wanted, list_entries
from folkmoot.audit.schemas import AuditEntryView
from folkmoot.audit.tables import AuditEntry
from folkmoot.db.database import Database
from folkmoot.kernel.json import dumps

Format = Literal["csv", "jsonl"]

PAGE = 500
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}

_COLUMNS = tuple(AuditEntryView.model_fields)
# What a spreadsheet takes for a formula, full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


async def export(db: Database, workspace_id: str | None, wanted: Wanted, format: Format) -> AsyncGenerator[bytes, None]:
    """All entries that are wanted, newest first, as they are when their page is read; CSV begins with a heading."""
    entries = await db.read_long(list_entries, workspace_id, wanted, None, PAGE)
    if format == "csv":
        yield _csv([_COLUMNS])
    while entries:
        yield _WRITERS[format](entries)
        after = entries[-1].id
        entries = await db.read_long(list_entries, workspace_id, wanted, after, PAGE)


def _as_csv(entries: Sequence[AuditEntry]) -> bytes:
    return _csv([[_cell(value) for value in _view(entry).values()] for entry in entries])


def _as_jsonl(entries: Sequence[AuditEntry]) -> bytes:
    return "".join(f"{dumps(_view(entry))}\n" for entry in entries).encode()


_WRITERS: dict[Format, Callable[[Sequence[AuditEntry]], bytes]] = {"csv": _as_csv, "jsonl": _as_jsonl}


def _view(entry: AuditEntry) -> dict[str, object]:
    return AuditEntryView.model_validate(entry).model_dump(mode="json")


def _cell(value: object) -> str:
    """The text of a cell; an apostrophe ahead keeps a spreadsheet from reading it as a formula."""
    text = "" if value is None else value if isinstance(value, str) else dumps(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    file = StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()
