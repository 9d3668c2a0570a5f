"""An artifact's name comes from a language model and never leads out of the folder."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.cli.folder import file_name, usable, write
from folkmoot.cli.problems import BadUsage


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.md", "report.md"),
        ("docs/report.md", "docs-report.md"),
        ("../../etc/passwd", "etc-passwd"),
        ("/etc/passwd", "etc-passwd"),
        ("C:\\windows\\x.md", "C-windows-x.md"),
        (".ssh", "ssh"),
        ("..", "artifact"),
        ("", "artifact"),
        ("a\x1b[31m\nb.md", "a-31m-b.md"),
        ("Übersicht 1.md", "Übersicht 1.md"),
    ],
)
def test_names_become_plain_file_names(name: str, expected: str) -> None:
    assert file_name(name, set()) == expected


def test_equal_names_are_told_apart_as_any_disk_would() -> None:
    taken: set[str] = set()
    assert [file_name(name, taken) for name in ("a/b.md", "a-b.md", "A-B.md")] == ["a-b.md", "a-b (2).md", "A-B (3).md"]


@given(st.lists(st.text(max_size=300), max_size=5))
def test_no_name_leaves_the_folder(names: list[str]) -> None:
    taken: set[str] = set()
    for name in names:
        made = file_name(name, taken)
        assert made == os.path.basename(made)
        assert made not in {"", ".", ".."}
        assert not made.startswith(".")
        assert len(made) < 150
    assert len(taken) == len(names)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", usable(tmp_path / "new" / "out")
    outside.write_text("mine")
    (folder / "a.md").symlink_to(outside)
    write(folder / "a.md", b"theirs\r\n")
    assert outside.read_text() == "mine"
    assert (folder / "a.md").read_bytes() == b"theirs\r\n"
    assert os.listdir(folder) == ["a.md"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadUsage, match="cannot be used as a folder"):
        usable(tmp_path / "file")
