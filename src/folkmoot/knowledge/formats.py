"""What a file is, judged by its bytes: a name only tells Markdown from plain text, and is never a path."""

import codecs
import zipfile
from importlib.util import find_spec
from typing import BinaryIO

from folkmoot.kernel.errors import Invalid, Problem
from folkmoot.kernel.json import clean_text
from folkmoot.knowledge.rules import DOCX, HTML, MARKDOWN, PDF, PLAIN, FileType

HEAD_BYTES = 65_536
DOCX_TEXT = "word/document.xml"

_MARKDOWN_NAMES = (".md", ".markdown", ".mdown", ".mkd")
_HTML_NAMES = (".html", ".htm", ".xhtml")
_HTML_STARTS = ("<!doctype html", "<html")
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
_READERS = {PDF: "pypdf", HTML: "bs4"}


class UnsupportedFile(Problem):
    """The file is none of those that can be read: text, Markdown, HTML, PDF, DOCX"""

    status = 415


class ReaderMissing(Invalid):
    """What reads files of this type is not installed"""

    hint = "pip install 'folkmoot[documents]'"


def file_type_of(file: BinaryIO, name: str) -> FileType:
    """By the file's bytes; leaves it at its beginning. Raises UnsupportedFile, ReaderMissing."""
    file_type = _sniffed(file, name.lower())
    file.seek(0)
    if file_type in _READERS and find_spec(_READERS[file_type]) is None:
        raise ReaderMissing(f"Reading {file_type} is not installed")
    return file_type


def _sniffed(file: BinaryIO, name: str) -> FileType:
    head = file.read(HEAD_BYTES)
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith(b"PK\x03\x04"):
        return _zipped(file)
    if not _is_text(head):
        raise UnsupportedFile
    start = decoded(head).lstrip("\ufeff \t\r\n").lower()
    if start.startswith(_HTML_STARTS) or name.endswith(_HTML_NAMES):
        return HTML
    return MARKDOWN if name.endswith(_MARKDOWN_NAMES) else PLAIN


def _zipped(file: BinaryIO) -> FileType:
    try:
        with zipfile.ZipFile(file) as archive:
            if DOCX_TEXT in archive.namelist():
                return DOCX
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        pass
    raise UnsupportedFile


def _is_text(head: bytes) -> bool:
    return head.startswith(_WIDE) or head.translate(None, _CONTROLS) == head


def decoded(raw: bytes) -> str:
    """Text by its byte order mark, else as UTF-8, else as Windows-1252, which has a letter for nearly every byte.

    The end may be cut inside of a character. Lines end with a line feed alone.
    """
    if raw.startswith(_WIDE):
        text = raw.decode("utf-16", "replace")
    else:
        try:
            text = codecs.getincrementaldecoder("utf-8-sig")().decode(raw)
        except UnicodeDecodeError:
            text = raw.decode("cp1252", "replace")
    return clean_text(text.replace("\r\n", "\n").replace("\r", "\n"))
