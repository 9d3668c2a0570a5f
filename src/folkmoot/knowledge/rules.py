"""How a text becomes chunks and a question becomes words: pure, so the same text is cut the same way."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

MediaType = Literal["text/plain", "text/markdown"]
Status = Literal["ingesting", "ready", "deleting"]

# Lengths in characters. A piece and the overlap before it always fit into one chunk.
LONGEST = 1200
ENOUGH = 800
SECTION = 400
PIECE = 1000
OVERLAP = 160
HEADING = 200

WORDS = 32
WORD = 64

_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
# The last three are the full stop, exclamation and question marks of Chinese and Japanese.
_SENTENCE_END = re.compile(r"[.!?\u2026][\"'\u201d\u2019)\]]*\s+|[\u3002\uff01\uff1f]\s*|\n")
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\W_]+")

# PostgreSQL's list of English stop words, so that both databases leave out the same, and what is left
# of them once apostrophes are spaces.
_STOP_WORDS = """
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers
    herself it its itself they them their theirs themselves what which who whom this that these those am is
    are was were be been being have has had having do does did doing a an the and but if or because as until
    while of at by for with about against between into through during before after above below to from up
    down in out on off over under again further then once here there when where why how all any both each few
    more most other some such no nor not only own same so than too very s t can will just don should now
    d ll m re ve
"""
_IS_STOP_WORD = frozenset(_STOP_WORDS.split()).__contains__


class Span(NamedTuple):
    """A part of a text: text[start:end], counted in characters (Unicode code points)."""

    start: int
    end: int


class _Piece(NamedTuple):
    """The smallest part that is kept whole; `opens` says that a section begins with it."""

    start: int
    end: int
    opens: bool = False


def chunks_of(text: str, media_type: MediaType) -> list[Span]:
    """Cut along the text's structure into spans of mostly 800 to 1200 characters, never more than 1200.

    They are in order, each begins and ends with a character that is no white space, and every such
    character is in one. A chunk that goes on where the last was full begins with that one's last words.
    """
    blocks = _blocks(text, has_markup=media_type == "text/markdown")
    pieces = list(_glued(piece for block in blocks for piece in _pieces(text, block)))
    return list(_packed(text, pieces))


def _blocks(text: str, *, has_markup: bool) -> Iterator[_Piece]:
    """Paragraphs, and in Markdown headings and fenced blocks, without the white space around them."""
    offset, start, fence = 0, -1, ""
    for line in text.splitlines(keepends=True):
        begin, offset = offset, offset + len(line)
        mark = _FENCE.match(line) if has_markup else None
        if fence:
            if mark and mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = ""
            continue
        is_heading = has_markup and _HEADING.match(line) is not None
        if start >= 0 and (is_heading or mark or not line.strip()):
            yield _trimmed(text, start, begin)
            start = -1
        if is_heading:
            yield _trimmed(text, begin, offset)._replace(opens=True)
        elif start < 0 and line.strip():
            start = begin
        fence = mark[1] if mark else ""
    if start >= 0:
        yield _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, end: int) -> _Piece:
    part = text[start:end]
    return _Piece(start + len(part) - len(part.lstrip()), start + len(part.rstrip()))


def _pieces(text: str, block: _Piece) -> Iterator[_Piece]:
    """A block that is too long, cut after sentences or lines, else between words, else anywhere."""
    start, opens = block.start, block.opens
    while block.end - start > PIECE:
        end = _cut(text, start, start + PIECE)
        yield _trimmed(text, start, end)._replace(opens=opens)
        start, opens = _after_space(text, end, block.end), False
    if start < block.end:
        yield _Piece(start, block.end, opens)


def _cut(text: str, start: int, limit: int) -> int:
    """The last good place to cut in the second half of text[start:limit]."""
    middle = start + (limit - start) // 2
    for pattern in (_SENTENCE_END, _SPACE):
        places = [match.end() for match in pattern.finditer(text, middle, limit)]
        if places:
            return places[-1]
    return limit


def _after_space(text: str, start: int, end: int) -> int:
    space = _SPACE.match(text, start, end)
    return space.end() if space else start


def _glued(pieces: Iterator[_Piece]) -> Iterator[_Piece]:
    """Headings joined with what they head, so that none ends a chunk while there is room."""
    waiting: _Piece | None = None
    for piece in pieces:
        if waiting is not None and piece.end - waiting.start <= LONGEST - OVERLAP:
            joined = _Piece(waiting.start, piece.end, opens=True)
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
    start, end, _ = pieces[0]
    for piece in pieces[1:]:
        size = end - start
        is_full = size >= ENOUGH or piece.end - start > LONGEST
        if is_full or (piece.opens and size >= SECTION):
            yield Span(start, end)
            start = piece.start if piece.opens else _overlap(text, Span(start, end), piece)
        end = piece.end
    yield Span(start, end)


def _overlap(text: str, last: Span, piece: _Piece) -> int:
    """Where a chunk that goes on after `last` begins: at its last sentence, else its last words."""
    lowest = max(last.start + 1, last.end - OVERLAP, piece.end - LONGEST)
    for pattern in (_SENTENCE_END, _SPACE):
        for match in pattern.finditer(text, lowest, last.end):
            place = _after_space(text, match.end(), last.end)
            if place < last.end:
                return place
    return piece.start


def words_of(question: str) -> list[str]:
    """The distinct words to search for: at most 32, without those that stand in every English text.

    Only letters and digits are in them, whatever the question holds, so no database finds syntax in one.
    """
    found = {word.casefold(): word for word in _WORD.findall(question) if len(word) <= WORD}
    return [word for folded, word in found.items() if not _IS_STOP_WORD(folded)][:WORDS]
