"""JSON as it is given at the terminal: typed, in a file as `@file`, or on stdin as `-`."""

import sys
from pathlib import Path
from typing import NamedTuple

from folkmoot.cli.problems import BadUsage
from folkmoot.kernel.json import JsonObject, loads

MAX_BYTES = 16_000_000
"""More than the API takes at all; how much a context may hold is for the API to say."""


class Given(NamedTuple):
    """What was typed for an argument, and the bytes of stdin where it was `-`."""

    argument: str
    typed: str
    stdin: bytes


def given(argument: str, typed: str) -> Given:
    """Reads stdin now: inside of the event loop a read that waits would not hear Ctrl-C."""
    return Given(argument, typed, sys.stdin.buffer.read(MAX_BYTES + 1) if typed == "-" else b"")


def json_object(found: Given) -> JsonObject:
    """Raises BadUsage with a sentence that says where the JSON came from and what is wrong with it."""
    argument, typed, stdin = found
    if typed == "-":
        return _parsed("What came on stdin", stdin)
    if typed.startswith("@"):
        return _parsed(f"The file {typed[1:]}", _read(argument, Path(typed[1:])))
    return _parsed("What was given", typed.encode(errors="surrogateescape"))


def _read(argument: str, path: Path) -> bytes:
    if path.is_dir():
        raise BadUsage(f"{argument}: {path} is a folder")
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise BadUsage(f"{argument}: there is no file {path}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise BadUsage(f"{argument}: {path} cannot be read: {reason}") from None


def _parsed(source: str, raw: bytes) -> JsonObject:
    if len(raw) > MAX_BYTES:
        raise BadUsage(f"{source} is larger than {MAX_BYTES:,} bytes")
    try:
        value = loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise BadUsage(f"{source} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadUsage(f'{source} is JSON but no object, such as {{"decision": "SQLite first"}}')
    return value
