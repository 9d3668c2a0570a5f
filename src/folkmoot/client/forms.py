"""Files on the wire: multipart/form-data, written whole, so that the same call can be sent again."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TypeAlias

from folkmoot.kernel.ids import new_id

File: TypeAlias = bytes | str | os.PathLike[str]
"""The path of a file, or what is in one."""

_QUOTED = {'"': '\\"', "\\": "\\\\", "\r": "%0D", "\n": "%0A"}


class Attached(NamedTuple):
    """A file of a form; its name is by default that of the path."""

    file: File
    filename: str | None = None


class Form(NamedTuple):
    media_type: str
    body: bytes


def form_of(attached: Attached, fields: Iterable[tuple[str, str]]) -> Form:
    """Raises OSError."""
    content, name = _read(attached)
    boundary = new_id()
    parts = [part for field, value in fields for part in (_head(boundary, field), b"\r\n", value.encode(), b"\r\n")]
    parts += [_head(boundary, "file", attached.filename or name), b"Content-Type: application/octet-stream\r\n\r\n"]
    parts += [content, f"\r\n--{boundary}--\r\n".encode()]
    return Form(f"multipart/form-data; boundary={boundary}", b"".join(parts))


def _read(attached: Attached) -> tuple[bytes, str]:
    if isinstance(attached.file, bytes):
        return attached.file, "file"
    path = Path(attached.file)
    return path.read_bytes(), path.name


def _head(boundary: str, name: str, filename: str | None = None) -> bytes:
    called = "" if filename is None else f'; filename="{_quoted(filename)}"'
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"{called}\r\n'
    return head.encode(errors="replace")


def _quoted(text: str) -> str:
    """A quoted string of RFC 2183; line ends as HTML forms write them."""
    return "".join(_QUOTED.get(one, one) for one in text)
