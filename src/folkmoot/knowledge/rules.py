"""What a document may be, how a question becomes words, and how two rankings become one. Pure."""

import re
from collections.abc import Sequence
from typing import Final, Literal, get_args

MediaType = Literal["text/plain", "text/markdown"]
"""What a document's text is; that of HTML and DOCX files becomes Markdown, that of PDF files is plain."""

FileType = Literal[
    "text/plain",
    "text/markdown",
    "text/html",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
]
Status = Literal["ingesting", "ready", "failed", "deleting"]
Mode = Literal["text", "hybrid"]

PLAIN: Final = "text/plain"
MARKDOWN: Final = "text/markdown"
HTML: Final = "text/html"
PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FILE_TYPES: tuple[FileType, ...] = get_args(FileType)

WORDS = 32
WORD = 64

FUSION = 60
"""The k of reciprocal rank fusion."""

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


def words_of(question: str) -> list[str]:
    """The distinct words to search for: at most 32, without those that stand in every English text.

    Only letters and digits are in them, whatever the question holds, so no database finds syntax in one.
    """
    found = {word.casefold(): word for word in _WORD.findall(question) if len(word) <= WORD}
    return [word for folded, word in found.items() if not _IS_STOP_WORD(folded)][:WORDS]


def fused(rankings: Sequence[Sequence[str]]) -> dict[str, float]:
    """Scores by id, best first, of ids that stand in any of the rankings, each of which is best first.

    Reciprocal rank fusion: the sum over the rankings of 1 / (60 + rank), ranks counted from 1 (Cormack, Clarke and
    Buettcher, Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods, SIGIR 2009).
    Among equals the one that stands first in the first ranking comes first.
    """
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, id in enumerate(ranking, 1):
            scores[id] = scores.get(id, 0.0) + 1 / (FUSION + rank)
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def text_type(file_type: FileType) -> MediaType:
    """What a file's text is once it is read."""
    return PLAIN if file_type in (PLAIN, PDF) else MARKDOWN
