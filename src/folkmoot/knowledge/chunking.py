"""How a text becomes passages: cut along its structure, in any language. Pure: the same text is cut the same way."""

import re
from collections.abc import Iterator
from typing import NamedTuple

# Lengths in characters. A piece and the overlap before it always fit into one passage.
LONGEST = 1200
ENOUGH = 800
SECTION = 400
PIECE = 1000
OVERLAP = 160
HEADING = 200

SEGMENT = 200_000
"""A long text is cut segment by segment, so that each can be stored, counted and begun again alone."""

_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-{2,})[ \t]*$")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_ITEM = re.compile(r"[ \t]*(?:[-*+\u2022]|\d{1,3}[.)])[ \t]+\S")
_ROW = re.compile(r"[ \t]*\|")
# A full stop ends a sentence only before white space: it stands in numbers and names too. The marks of Chinese,
# Japanese, Hindi, Arabic, Urdu, Amharic, Khmer, Burmese, Armenian and Tibetan do not.
_SENTENCE_END = re.compile(
    "[.!?\u2026][\"'\u201d\u2019\u00bb)\\]]*\\s+"
    "|[\u3002\uff01\uff1f\uff61][\"'\u201d\u2019\u300d\u300f\uff09]*\\s*"
    "|[\u0964\u0965\u061f\u06d4\u1362\u1367\u17d4\u104b\u0589\u0f0d]\\s*"
    "|\n"
)
_LINE_END = re.compile(r"\n")
_SPACE = re.compile(r"\s+")
_PARAGRAPH_END = re.compile(r"\n[ \t\r]*\n+|\n(?=#{1,6} )")


class Span(NamedTuple):
    """A part of a text: text[start:end], counted in characters (Unicode code points)."""

    start: int
    end: int


class _Piece(NamedTuple):
    """The smallest part that is kept whole; `opens` says that a section begins with it, `is_verbatim` that its
    lines are what it consists of (code, a table's row, a list's item).
    """

    start: int
    end: int
    opens: bool = False
    is_verbatim: bool = False


def segments_of(text: str) -> list[Span]:
    """The text in parts of at most 200,000 characters that follow each other without a gap.

    They end after a paragraph where there is one in their second half, else after a line, a word, or anywhere.
    """
    found, start = [], 0
    while len(text) - start > SEGMENT:
        end = _last_end((_PARAGRAPH_END, _LINE_END, _SPACE), text, start + SEGMENT // 2, start + SEGMENT)
        found.append(Span(start, end))
        start = end
    return [*found, Span(start, len(text))]


def chunks_of(text: str, *, has_markup: bool) -> list[Span]:
    """Cut into spans of mostly 800 to 1200 characters, never more than 1200; `has_markup` reads it as Markdown.

    They are in order, each begins and ends with a character that is no white space, and every such
    character is in one. Headings begin a passage; paragraphs, list items, table rows and fenced blocks are kept
    whole where they fit. A passage that goes on where the last was full begins with that one's last words.
    """
    blocks = _blocks(text) if has_markup else _paragraphs(text)
    pieces = list(_glued(piece for block in blocks for piece in _pieces(text, block)))
    return list(_packed(text, pieces))


def _paragraphs(text: str) -> Iterator[_Piece]:
    """Blocks between blank lines, without the white space around them."""
    offset, start = 0, -1
    for line in text.splitlines(keepends=True):
        begin, offset = offset, offset + len(line)
        if not line.strip():
            if start >= 0:
                yield _trimmed(text, start, begin)
            start = -1
        elif start < 0:
            start = begin
    if start >= 0:
        yield _trimmed(text, start, len(text))


def _blocks(text: str) -> Iterator[_Piece]:
    """Markdown's paragraphs, headings, fenced blocks, list items and table rows."""
    offset, start, fence, is_verbatim = 0, -1, "", False
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        begin, offset = offset, offset + len(line)
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = ""
            continue
        is_heading = _is_heading(lines, number, is_first=start < 0)
        begins_verbatim = mark is not None or _ITEM.match(line) is not None or _ROW.match(line) is not None
        if start >= 0 and (is_heading or begins_verbatim or not line.strip()):
            yield _trimmed(text, start, begin)._replace(is_verbatim=is_verbatim)
            start = -1
        if is_heading:
            yield _trimmed(text, begin, offset)._replace(opens=True)
        elif start < 0 and line.strip():
            start, is_verbatim = begin, begins_verbatim
        fence = mark[1] if mark else ""
    if start >= 0:
        yield _trimmed(text, start, len(text))._replace(is_verbatim=is_verbatim)


def _is_heading(lines: list[str], number: int, *, is_first: bool) -> bool:
    """Whether a line is a heading: by its marks, or by the line of marks under it, which then follows as text."""
    line = lines[number]
    if _HEADING.match(line):
        return True
    following = lines[number + 1] if number + 1 < len(lines) else ""
    return is_first and bool(line.strip()) and not _ROW.match(line) and _UNDERLINE.match(following) is not None


def _trimmed(text: str, start: int, end: int) -> _Piece:
    part = text[start:end]
    return _Piece(start + len(part) - len(part.lstrip()), start + len(part.rstrip()))


def _pieces(text: str, block: _Piece) -> Iterator[_Piece]:
    """A block that is too long, cut after sentences or lines, else between words, else anywhere."""
    start, opens = block.start, block.opens
    patterns = (_LINE_END, _SENTENCE_END, _SPACE) if block.is_verbatim else (_SENTENCE_END, _SPACE)
    while block.end - start > PIECE:
        end = _last_end(patterns, text, start + PIECE // 2, start + PIECE)
        piece = _trimmed(text, start, end)
        if piece.start < piece.end:
            yield piece._replace(opens=opens, is_verbatim=block.is_verbatim)
        start, opens = _after_space(text, end, block.end), False
    if start < block.end:
        yield _Piece(start, block.end, opens, block.is_verbatim)


def _last_end(patterns: tuple[re.Pattern[str], ...], text: str, middle: int, limit: int) -> int:
    """The last good place to cut in text[middle:limit], by the first pattern that has one; else the limit."""
    for pattern in patterns:
        places = [match.end() for match in pattern.finditer(text, middle, limit)]
        if places:
            return places[-1]
    return limit


def _after_space(text: str, start: int, end: int) -> int:
    space = _SPACE.match(text, start, end)
    return space.end() if space else start


def _glued(pieces: Iterator[_Piece]) -> Iterator[_Piece]:
    """Headings joined with what they head, so that none ends a passage while there is room."""
    waiting: _Piece | None = None
    for piece in pieces:
        if waiting is not None and piece.end - waiting.start <= LONGEST - OVERLAP:
            joined = _Piece(waiting.start, piece.end, True, piece.is_verbatim)
        else:
            if waiting is not None:
                yield waiting
            joined = piece
        is_heading = piece.opens and piece.end - piece.start <= HEADING
        waiting = joined if is_heading else None
        if waiting is None:
            yield joined
    if waiting is not None:
        yield waiting


def _packed(text: str, pieces: list[_Piece]) -> Iterator[Span]:
    if not pieces:
        return
    start, end = pieces[0].start, pieces[0].end
    for piece in pieces[1:]:
        size = end - start
        is_full = size >= ENOUGH or piece.end - start > LONGEST
        if is_full or (piece.opens and size >= SECTION):
            yield Span(start, end)
            start = piece.start if piece.opens else _overlap(text, Span(start, end), piece)
        end = piece.end
    yield Span(start, end)


def _overlap(text: str, last: Span, piece: _Piece) -> int:
    """Where a passage that goes on after `last` begins: at its last sentence, else its last words.

    What consists of lines repeats whole lines only.
    """
    lowest = max(last.start + 1, last.end - OVERLAP, piece.end - LONGEST)
    for pattern in (_LINE_END,) if piece.is_verbatim else (_SENTENCE_END, _SPACE):
        for match in pattern.finditer(text, lowest, last.end):
            place = _after_space(text, match.end(), last.end)
            if place < last.end:
                return place
    return piece.start
