"""What of a message that was found is shown: where the words stand that were asked for, and a part that holds them."""

import re
from bisect import bisect_right
from collections.abc import Sequence

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.knowledge.full_text import any_of

EXCERPT, BEFORE = 240, 60
"""Characters that are shown of a longer message, and how many of these come before the first match."""

Span = tuple[int, int]

_SPACE = re.compile(r"\s+")
_MARKS = {"sqlite": ("\ufdd0", "\ufdd1"), "postgresql": ("<", ">")}
"""What stands around a match: code points that are no characters, and on PostgreSQL what its text is cleared of."""

_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""What PostgreSQL's index has taken for spaces (revision 0018)."""

_SQL = {
    "sqlite": """
select room_texts_fts.rowid as number, highlight(room_texts_fts, 0, :opening, :closing) as marked
from room_texts_fts
where room_texts_fts match :question and room_texts_fts.rowid in :numbers
""",
    "postgresql": """
select number, ts_headline(
    'pg_catalog.english',
    translate(text, cast(:punctuation as text), cast(:spaces as text)),
    to_tsquery('pg_catalog.english', :question),
    'HighlightAll=true, StartSel=<, StopSel=>'
) as marked
from room_texts
where number in :numbers
""",
}
_STATEMENTS = {
    dialect: sa.text(sql).bindparams(sa.bindparam("numbers", expanding=True)) for dialect, sql in _SQL.items()
}
_CLEARED = {"punctuation": _PUNCTUATION, "spaces": " " * len(_PUNCTUATION)}


class _Marked:
    number: int
    marked: str


def marked_texts(tx: Tx, words: Sequence[str], numbers: Sequence[int]) -> dict[int, str]:
    """Of texts in the index, by their numbers, what they are with marks around the words; `spans_in` reads them."""
    opening, closing = _MARKS[tx.dialect]
    more = {"opening": opening, "closing": closing} if tx.dialect == "sqlite" else _CLEARED
    values = {"question": any_of(tx.dialect, words), "numbers": [*numbers], **more}
    return {row.number: row.marked for row in tx.all(_Marked, _STATEMENTS[tx.dialect], **values)}


def spans_in(dialect: str, marked: str, length: int) -> list[Span]:
    """Where the words stand, in characters; nothing where a text of that length has marks of its own."""
    opening, closing = _MARKS[dialect]
    spans: list[Span] = []
    at = start = 0
    for piece in re.split(f"([{opening}{closing}])", marked):
        if piece == opening:
            start = at
        elif piece == closing:
            spans.append((start, at))
        else:
            at += len(piece)
    return spans if at == length else []


def excerpt_of(text: str, spans: Sequence[Span]) -> Span:
    """The part in which most of the words stand together, of whole words, at most 240 characters."""
    if len(text) <= EXCERPT:
        return 0, len(text)
    ends = [end for _, end in spans]

    def held(index: int) -> int:
        return bisect_right(ends, spans[index][0] + EXCERPT - BEFORE) - index

    first, first_end = spans[max(range(len(spans)), key=held)] if spans else (0, 0)
    start = max(0, min(first - BEFORE, len(text) - EXCERPT))
    end = start + EXCERPT
    if start > 0 and (space := _SPACE.search(text, start, first)):
        start = space.end()
    if end < len(text):
        end = max((space.start() for space in _SPACE.finditer(text, max(first_end, start + 1), end)), default=end)
    return start, end
