"""Files and folders for knowledge: which files are meant, what they are called, and where they come from."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from folkmoot.cli.problems import BadUsage

_LONGEST_TITLE = 255
_LONGEST_SOURCE = 1024
_LEFT_OUT = frozenset({"node_modules", "__pycache__"})
_READABLE = frozenset(
    {".txt", ".text", ".md", ".markdown", ".mdown", ".mkd", ".rst", ".adoc", ".org"}
    | {".html", ".htm", ".xhtml", ".pdf", ".docx"}
)


class Paper(NamedTuple):
    """A file to be added: another version of it has the same source."""

    path: Path
    title: str
    source: str


class Papers(NamedTuple):
    """What was named: its files, and the sources that all files of the named folders begin with."""

    files: list[Paper]
    folders: list[str]


def papers_of(paths: Iterable[Path]) -> Papers:
    """The named files, and of named folders those that can be read, each once; nothing hidden, no links to folders.

    Raises BadUsage for what is neither.
    """
    files: dict[str, Paper] = {}
    folders = []
    for path in paths:
        if path.is_dir():
            folders.append(_source(path) + "/")
            found = [_paper(file, file.relative_to(path).as_posix()) for file in _walked(path)]
        elif path.is_file():
            found = [_paper(path, path.name)]
        else:
            raise BadUsage(f"There is no file or folder {path}")
        for paper in found:
            files.setdefault(paper.source, paper)
    return Papers(list(files.values()), folders)


def _walked(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _LEFT_OUT)
        for name in sorted(names):
            file = Path(place, name)
            if not name.startswith(".") and file.suffix.lower() in _READABLE and file.is_file():
                yield file


def _paper(path: Path, title: str) -> Paper:
    source = _source(path)
    if len(source) > _LONGEST_SOURCE:
        raise BadUsage(f"{path}: its whole path is too long")
    try:
        title.encode()
    except UnicodeEncodeError:
        raise BadUsage(f"{path!r}: its name is not text") from None
    return Paper(path, title[-_LONGEST_TITLE:], source)


def _source(path: Path) -> str:
    return path.resolve().as_uri()
