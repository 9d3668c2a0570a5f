"""Artifacts on disk. Their names come from a language model, so a name is a label here and never a path."""

import os
import re
import tempfile
from pathlib import Path

from folkmoot.cli.problems import BadUsage

_UNSAFE = re.compile(r"[^\w. ()+=@,-]+")
_LONGEST_STEM = 100
_LONGEST_SUFFIX = 16


def usable(folder: Path) -> Path:
    """The folder, made if it is missing. Raises BadUsage where nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadUsage(f"{folder} cannot be used as a folder: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadUsage(f"{folder} cannot be written to")
    return folder


def file_name(name: str, taken: set[str]) -> str:
    """A plain file name for an artifact, unlike those taken (compared as a Mac or Windows disk would)."""
    flat = _UNSAFE.sub("-", name).strip(" .-")
    stem, suffix = os.path.splitext(flat or "artifact")
    stem, suffix = stem[:_LONGEST_STEM] or "artifact", suffix[:_LONGEST_SUFFIX]
    chosen, number = f"{stem}{suffix}", 2
    while chosen.casefold() in taken:
        chosen, number = f"{stem} ({number}){suffix}", number + 1
    taken.add(chosen.casefold())
    return chosen


def write(path: Path, content: bytes) -> None:
    """Whole or not at all; a link of that name is replaced, not followed. Raises BadUsage."""
    try:
        handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".folkmoot-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(unfinished, 0o644)
        os.replace(unfinished, path)
    except OSError as error:
        raise BadUsage(f"{path} cannot be written: {error.strerror}") from None
