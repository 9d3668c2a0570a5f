"""CSV whose cells a spreadsheet does not take for formulas."""

import csv
from collections.abc import Sequence
from io import StringIO

from folkmoot.kernel.json import dumps

MEDIA_TYPE = "text/csv; charset=utf-8"

# What a spreadsheet takes for a formula, full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cell(value: object) -> str:
    """The text of a cell; an apostrophe ahead keeps a spreadsheet from reading it as a formula."""
    text = "" if value is None else value if isinstance(value, str) else dumps(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_of(rows: Sequence[Sequence[str]]) -> bytes:
    file = StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()
