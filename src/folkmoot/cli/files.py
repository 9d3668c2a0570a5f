"""Files given with `--file`: read and judged before anything starts, so that nothing half-attached runs."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from folkmoot.cli.problems import BadUsage

MAX_BYTES = 1_000_000
"""Below the API's limit for a body, with room for JSON's escapes."""

_LONGEST_TITLE = 255
_MARKDOWN = frozenset({".md", ".markdown", ".mdown", ".mkd"})


class Attachment(NamedTuple):
    title: str
    text: str
    media_type: str


def read_files(paths: Iterable[Path]) -> list[Attachment]:
    """The files' texts, each file once. Raises BadUsage with a sentence naming the first file that will not do."""
    found: dict[Path, Attachment] = {}
    for path in paths:
        attachment = _read(path)
        found.setdefault(path.resolve(), attachment)
    return list(found.values())


def _read(path: Path) -> Attachment:
    try:
        if path.is_dir():
            raise BadUsage(f"{path} is a folder; name its files one by one with --file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise BadUsage(f"There is no file {path}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise BadUsage(f"{path} cannot be read: {reason}") from None
    if len(raw) > MAX_BYTES:
        raise BadUsage(f"{path} is larger than {MAX_BYTES:,} bytes, the most a file may have; attach a part of it")
    return Attachment(str(path)[-_LONGEST_TITLE:], _text(path, raw), _media_type(path))


def _text(path: Path, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text:
        raise BadUsage(f"{path} is not UTF-8 text; only text and Markdown files can be attached")
    if not text.strip():
        raise BadUsage(f"{path} is empty")
    return text


def _media_type(path: Path) -> str:
    return "text/markdown" if path.suffix.lower() in _MARKDOWN else "text/plain"
