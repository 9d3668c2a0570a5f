"""Files to attach are judged whole before anything starts."""

import os
from pathlib import Path

import pytest

from folkmoot.cli.files import MAX_BYTES, read_files
from folkmoot.cli.problems import USAGE, BadUsage, exit_code, sentence


def test_text_and_markdown_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbf# Title\n")
    (tmp_path / "b").write_text("just text")
    first, second = read_files([tmp_path / "a.md", tmp_path / "b"])
    assert (first.title, first.text, first.media_type) == (str(tmp_path / "a.md"), "# Title\n", "text/markdown")
    assert (second.text, second.media_type) == ("just text", "text/plain")


def test_a_file_named_twice_is_attached_once(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("x")
    assert len(read_files([tmp_path / "a.md", tmp_path / "." / "a.md"])) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x89PNG\x00\x01", "is not UTF-8 text"),
        ("Grüße".encode("utf-16"), "is not UTF-8 text"),
        (b"abc\x00def", "is not UTF-8 text"),
        (b" \n", "is empty"),
        (b"x" * (MAX_BYTES + 1), "is larger than"),
    ],
)
def test_what_is_no_text_is_refused_by_name(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "given").write_bytes(content)
    with pytest.raises(BadUsage) as caught:
        read_files([tmp_path / "given"])
    assert f"{tmp_path / 'given'} {says}" in caught.value.detail
    assert exit_code(caught.value) == USAGE


def test_missing_folders_and_odd_paths_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path, Path("a\x00b"), tmp_path / ("n" * 300)):
        with pytest.raises(BadUsage):
            read_files([path])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "a").chmod(0)
    with pytest.raises(BadUsage) as caught:
        read_files([tmp_path / "a"])
    assert "cannot be read" in sentence(caught.value)
