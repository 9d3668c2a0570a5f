"""What PDF, HTML and DOCX files say, as text with Markdown's headings, lists and tables. Runs in its own process."""

import re
import zipfile
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, BinaryIO
from xml.etree import ElementTree

from folkmoot.knowledge.formats import DOCX_TEXT

if TYPE_CHECKING:
    from bs4.element import PageElement, Tag

XML_BYTES = 200_000_000
"""What a DOCX file may hold once it is unpacked."""

_SPACE = re.compile(r"\s+")
_SILENT = frozenset({"script", "style", "template", "noscript", "svg", "iframe", "head", "nav", "object", "canvas"})
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption"}
    | {"figure", "footer", "form", "header", "hr", "main", "ol", "p", "section", "summary", "table", "ul"}
)
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_STYLES = "word/styles.xml"
_HEADING_STYLE = re.compile(r"heading ([1-6])")


class Unreadable(Exception):
    """The file is not what it seems to be; the argument says why, for whoever gave it."""


def pdf_text(file: BinaryIO) -> Iterator[str]:
    """Page by page. Raises Unreadable."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(file, strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("The PDF is protected by a password")
        for page in reader.pages:
            yield page.extract_text() + "\n\n"
    except PyPdfError as error:
        raise Unreadable("The PDF is damaged") from error


def html_text(file: BinaryIO) -> Iterator[str]:
    """What a reader of the page sees: no scripts, no navigation; headings, lists, tables and code as Markdown."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(file.read(), "html.parser")
    yield _HtmlWriter().written(soup)


class _HtmlWriter:
    """Goes through a page without recursion, however deep it is nested."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._verbatim = 0

    def written(self, root: "Tag") -> str:
        from bs4.element import NavigableString, PreformattedString, Tag

        waiting: list[PageElement | str] = [*reversed(root.contents)]
        while waiting:
            match waiting.pop():
                case str() as end if not isinstance(end, NavigableString):
                    self._leave(end)
                case Tag() as tag if tag.name not in _SILENT:
                    self._enter(tag)
                    waiting.append(tag.name)
                    waiting.extend(reversed(tag.contents))
                case NavigableString() as said if not isinstance(said, PreformattedString):
                    self._say(str(said))
        return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", "".join(self._parts)))

    def _say(self, text: str) -> None:
        if not self._verbatim:
            text = _SPACE.sub(" ", text)
            text = text.lstrip() if not self._parts or self._parts[-1].endswith("\n") else text
        if text:
            self._parts.append(text)

    def _enter(self, tag: "Tag") -> None:
        match tag.name:
            case "pre":
                self._verbatim += 1
                self._parts.append("\n\n```\n")
            case "br":
                self._parts.append("\n")
            case "li":
                ordered = tag.parent is not None and tag.parent.name == "ol"
                self._parts.append("\n1. " if ordered else "\n- ")
            case "tr":
                self._parts.append("\n|")
            case "td" | "th":
                self._parts.append(" ")
            case "img" if isinstance(alt := tag.get("alt"), str):
                self._parts.append(alt)
            case name if name in _HEADINGS:
                self._parts.append(f"\n\n{_HEADINGS[name]} ")
            case name if name in _BLOCKS:
                self._parts.append("\n\n")
            case _:
                pass

    def _leave(self, name: str) -> None:
        match name:
            case "pre":
                self._verbatim -= 1
                self._parts.append("\n```\n\n")
            case "td" | "th":
                self._parts.append(" |")
            case name if name in _HEADINGS or name in _BLOCKS:
                self._parts.append("\n\n")
            case _:
                pass


def docx_text(file: BinaryIO) -> Iterator[str]:
    """Paragraph by paragraph; headings by their styles, lists and tables. Raises Unreadable."""
    try:
        with zipfile.ZipFile(file) as archive:
            headings = _heading_styles(archive)
            with archive.open(DOCX_TEXT) as document:
                yield from _Docx(headings).paragraphs(_Bounded(document))
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, NotImplementedError, RuntimeError) as error:
        raise Unreadable("The DOCX is damaged or protected by a password") from error


class _Bounded:
    """A file inside of an archive, that may unpack to only so much. Raises Unreadable."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner
        self._left = XML_BYTES

    def read(self, size: int = -1, /) -> bytes:
        part = self._inner.read(min(size, 1 << 20) if size > 0 else 1 << 20)
        self._left -= len(part)
        if self._left < 0:
            raise Unreadable(f"The DOCX unpacks to more than {XML_BYTES:,} bytes")
        if b"<!DOCTYPE" in part or b"<!ENTITY" in part:
            raise Unreadable("The DOCX declares entities, which no word processor writes")
        return part


def _heading_styles(archive: zipfile.ZipFile) -> dict[str, str]:
    """Markdown's marks by style: the ids differ by language, the names in the file do not."""
    found: dict[str, str] = {}
    if _STYLES not in archive.namelist():
        return found
    with archive.open(_STYLES) as styles:
        style = ""
        for _, element in ElementTree.iterparse(_Bounded(styles), events=("start",)):  # noqa: S314 in a process with limits
            match _local(element.tag):
                case "style":
                    style = _attribute(element, "styleId")
                case "name" if style:
                    name = _attribute(element, "val").lower()
                    if level := _HEADING_STYLE.fullmatch(name):
                        found[style] = "#" * int(level[1]) + " "
                    elif name == "title":
                        found[style] = "# "
    return found


class _Docx:
    """Reads a document's XML as it comes; a table's cells wait for the end of their row."""

    def __init__(self, headings: dict[str, str]) -> None:
        self._headings = headings
        self._rows: list[list[str]] = []
        self._cells: list[list[str]] = []
        self._passed_over = 0

    def paragraphs(self, document: _Bounded) -> Iterator[str]:
        for event, element in ElementTree.iterparse(document, events=("start", "end")):  # noqa: S314 as above
            name = _local(element.tag)
            if name == "Fallback":  # the same once more, for older programs
                self._passed_over += 1 if event == "start" else -1
            elif event == "start":
                self._begin(name)
            elif not self._passed_over:
                yield from self._ended(name, element)

    def _begin(self, name: str) -> None:
        if name == "tr":
            self._rows.append([])
        elif name == "tc":
            self._cells.append([])

    def _ended(self, name: str, element: ElementTree.Element) -> Iterator[str]:
        match name:
            case "p":
                text = _paragraph(element)
                element.clear()
                if self._cells:
                    self._cells[-1].append(text[1])
                elif text[1].strip():
                    mark = self._headings.get(text[0], "") or ("- " if text[2] else "")
                    yield f"{mark}{text[1]}\n" if text[2] else f"{mark}{text[1]}\n\n"
            case "tc" if self._cells and self._rows:
                self._rows[-1].append(" ".join(filter(None, self._cells.pop())))
            case "tr" if self._rows:
                row = self._rows.pop()
                if self._cells:
                    self._cells[-1].append(" ".join(row))
                else:
                    yield f"| {' | '.join(row)} |\n"
            case "tbl" if not self._cells:
                yield "\n"
            case _:
                pass


def _paragraph(element: ElementTree.Element) -> tuple[str, str, bool]:
    """Its style, its text, and whether it is an item of a list."""
    style, parts, is_item = "", list[str](), False
    for part in element.iter():
        match _local(part.tag):
            case "pStyle":
                style = _attribute(part, "val")
            case "numPr":
                is_item = True
            case "t":
                parts.append(part.text or "")
            case "tab":
                parts.append("\t")
            case "br" | "cr":
                parts.append("\n")
            case _:
                pass
    return style, "".join(parts).strip(), is_item


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _attribute(element: ElementTree.Element, name: str) -> str:
    return next((value for key, value in element.attrib.items() if _local(key) == name), "")
