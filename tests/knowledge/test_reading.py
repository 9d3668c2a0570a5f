"""Files are what their bytes say, are read as far as they can be, and harm nothing but the process that reads them."""

import io
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pytest

from folkmoot.knowledge import formats
from folkmoot.knowledge.formats import ReaderMissing, UnsupportedFile, decoded, file_type_of
from folkmoot.knowledge.reading import FileTooComplex, FileUnreadable, text_of
from folkmoot.knowledge.rules import DOCX, HTML, MARKDOWN, PDF, PLAIN, FileType
from tests.knowledge.files import DOCX_TEXT, HTML_TEXT, docx, pdf
from tests.knowledge.files import HTML as PAGE

pytestmark = pytest.mark.system  # files, processes and whole databases


@contextmanager
def on_disk(raw: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        file.write(raw)
        file.flush()
        file.seek(0)
        yield file


async def read(raw: bytes, file_type: FileType, seconds: float = 60) -> str:
    with on_disk(raw) as file:
        return (await text_of(file, file_type, seconds)).strip()


@pytest.mark.parametrize(
    ("raw", "name", "expected"),
    [
        (b"plain words", "a.txt", PLAIN),
        (b"# words", "notes.MD", MARKDOWN),
        ("wörter".encode("utf-16"), "a.txt", PLAIN),
        ("wörter".encode("cp1252"), "a", PLAIN),
        (("ü" * 40_000).encode(), "cut inside of a letter", PLAIN),
        (PAGE, "page.txt", HTML),
        (b"<p>a part", "part.html", HTML),
        (pdf("x"), "not-by-its-name.txt", PDF),
        (docx(), "letter.md", DOCX),
    ],
)
def test_the_bytes_say_what_a_file_is(raw: bytes, name: str, expected: FileType) -> None:
    file = io.BytesIO(raw)
    assert file_type_of(file, name) == expected
    assert file.tell() == 0


def _archive(**members: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return held.getvalue()


@pytest.mark.parametrize(
    "raw", [b"\x00\x01\x02", b"\x89PNG\r\n\x1a\n\x00", b"PK\x03\x04 no archive", _archive(a="b"), b"words\x07bell"]
)
def test_other_files_are_refused(raw: bytes) -> None:
    with pytest.raises(UnsupportedFile):
        file_type_of(io.BytesIO(raw), "harmless.txt")


@pytest.mark.parametrize(("raw", "name"), [(pdf("x"), "a.pdf"), (PAGE, "a.html")])
def test_a_missing_reader_is_named(raw: bytes, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(ReaderMissing) as refused:
        file_type_of(io.BytesIO(raw), name)
    assert "folkmoot[documents]" in (refused.value.hint or "")


def test_text_in_whatever_it_is_written() -> None:
    assert decoded(b"\xef\xbb\xbfa\r\nb\rc") == "a\nb\nc"
    assert decoded("wörter".encode("utf-16")) == "\ufeffwörter".lstrip("\ufeff")
    assert decoded("wörter".encode("cp1252")) == "wörter"
    assert decoded(b"a\x00b") == "ab"


async def test_pages_letters_and_papers_are_read() -> None:
    assert await read(PAGE, HTML) == HTML_TEXT
    assert await read(docx(), DOCX) == DOCX_TEXT
    assert await read(pdf("Swarms leave in May.", "Hives stay."), PDF) == "Swarms leave in May.\nHives stay."


@pytest.mark.parametrize(
    ("raw", "file_type", "says"),
    [
        (b"%PDF-1.7 nonsense", PDF, "damaged"),
        (docx('<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'), DOCX, "entities"),
        (docx("<unclosed>"), DOCX, "damaged"),
    ],
)
async def test_what_is_broken_or_a_trap_is_refused_with_a_reason(raw: bytes, file_type: FileType, says: str) -> None:
    with pytest.raises(FileUnreadable, match=says):
        await read(raw, file_type)


async def test_time_is_limited() -> None:
    with pytest.raises(FileTooComplex):
        await read(PAGE, HTML, 0.0)


@pytest.mark.system
async def test_a_bomb_ends_its_own_process_only() -> None:
    """Half a gigabyte of one paragraph in half a megabyte."""
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as inside:
        inside.write(b'<w:document xmlns:w="x"><w:body><w:p><w:r><w:t>')
        for _ in range(500):
            inside.write(b"a" * 1_000_000)
    with pytest.raises(FileUnreadable, match="unpacks to more"):
        await read(bomb.getvalue(), DOCX)


@pytest.mark.system
async def test_depth_without_end_is_no_recursion() -> None:
    assert await read(b"<html>" + b"<div>" * 100_000 + b"deep", HTML) == "deep"
