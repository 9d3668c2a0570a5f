"""Files and folders as they are named at the terminal, and knowledge over the real app with no server running."""

import os
from pathlib import Path

import pytest

from folkmoot.cli.papers import papers_of
from folkmoot.cli.problems import BadUsage
from folkmoot.kernel.json import JsonObject, loads
from tests.cli.terminal import Printed, Terminal
from tests.knowledge.files import HTML, docx, pdf


def lay(folder: Path, **files: bytes | str) -> Path:
    """Files by their names, in which `__` stands for a slash and `_dot_` for a dot."""
    for name, held in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(held if isinstance(held, bytes) else held.encode())
    return folder


def test_a_folder_is_what_can_be_read_in_it(tmp_path: Path) -> None:
    folder = lay(
        tmp_path / "paper shop",
        a_dot_md="a",
        b__c_dot_PDF="c",
        b___dot_hidden__d_dot_md="d",
        node_modules__e_dot_md="e",
        f_dot_png="f",
        _dot_g_dot_md="g",
    )
    os.symlink(folder, folder / "b" / "loop")
    files, folders = papers_of([folder, folder / "a.md", folder / "f.png"])
    assert [paper.title for paper in files] == ["a.md", "b/c.PDF", "f.png"]
    assert files[0].source == (folder / "a.md").as_uri()
    assert "%20" in files[0].source
    assert folders == [folder.as_uri() + "/"]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="no file or folder"):
        papers_of([tmp_path / "missing"])
    with pytest.raises(BadUsage, match="too long"):
        papers_of([lay(tmp_path / ("x" * 200) / ("y" * 200) / ("ü" * 110) / ("z" * 200), a_dot_md="a")])


def parsed(printed: Printed, code: int = 0) -> JsonObject:
    assert printed.code == code, printed
    value = loads(printed.out)
    assert isinstance(value, dict)
    return value


@pytest.mark.system
def test_a_folder_is_added_changed_searched_and_pruned(terminal: Terminal, tmp_path: Path) -> None:
    folder = lay(
        tmp_path / "papers",
        bees_dot_html=HTML,
        winter_dot_docx=docx(),
        swarms_dot_pdf=pdf("Swarms leave in May."),
        notes__zoo_dot_md="# Zoo\n\nThe zebra is striped.\n",
    )
    added = terminal.type("knowledge", "add", str(folder), "--tag", "bees", "--tag", "2026")
    assert (added.code, added.out) == (0, "4 documents: 4 ready\n"), added
    again = terminal.type("knowledge", "add", str(folder))
    assert again.out == "4 documents: 4 ready\n"
    listed = terminal.type("knowledge", "list", "--tag", "bees")
    assert all(name in listed.out for name in ("bees.html", "winter.docx", "swarms.pdf", "notes/zoo.md"))
    found = terminal.type("knowledge", "search", "when do swarms leave?", "--limit", "1")
    assert "Swarms leave in May." in found.out
    assert "EMBEDDING_MODEL" in found.err

    lay(folder, notes__zoo_dot_md="# Zoo\n\nThe okapi is shy.\n", broken_dot_pdf=b"%PDF-1.4 rubbish", x_dot_md=b"\x00")
    (folder / "winter.docx").unlink()
    changed = terminal.type("knowledge", "add", str(folder), "--prune")
    assert (changed.code, changed.out) == (1, "4 documents: 1 failed, 3 ready; 2 files refused; 1 deleted\n"), changed
    assert "The PDF is damaged" in changed.err
    assert "none of those that can be read" in changed.err
    documents = parsed(terminal.type("knowledge", "list", "--json", "--status", "ready"))["documents"]
    assert isinstance(documents, list)
    assert len(documents) == 3
    assert "okapi" in terminal.type("knowledge", "search", "okapi zebra").out
    assert "zebra" not in terminal.type("knowledge", "search", "zebra").out
    (zoo,) = (one for one in documents if isinstance(one, dict) and one["title"] == "notes/zoo.md")
    shown = terminal.type("knowledge", "show", str(zoo["id"]))
    assert "# Zoo\n\nThe okapi is shy." in shown.out
    assert terminal.type("knowledge", "delete", str(zoo["id"])).out == f"{zoo['id']} is deleted\n"
    assert terminal.type("knowledge", "show", str(zoo["id"])).code == 2
    assert terminal.type("knowledge", "search", "okapi").out == "Nothing was found\n"


@pytest.mark.system
def test_what_cannot_be_done_is_said(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.type("knowledge", "add", str(tmp_path / "missing")).code == 2
    assert terminal.type("knowledge", "add", str(lay(tmp_path / "empty", a_dot_png="x"))).code == 2
    assert terminal.type("knowledge", "delete", "nothing").code == 2
    reindexed = terminal.type("knowledge", "reindex")
    assert (reindexed.code, "EMBEDDING_MODEL" in reindexed.out) == (0, True)
