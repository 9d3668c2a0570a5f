"""Server-sent events read off bytes, however they were cut; what had not come whole is never given."""

from collections.abc import Iterator
from typing import NamedTuple

from folkmoot.client.wire import json_object
from folkmoot.kernel.json import JsonObject


class Part(NamedTuple):
    """One event; `id` is null for what is shown once and never kept."""

    id: str | None
    event: str
    data: JsonObject


class Parts:
    """Feed it chunks, and it gives the events that are complete by then."""

    def __init__(self) -> None:
        self._rest = b""
        self._id: str | None = None
        self._event = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[Part]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            yield from self._take(line.decode(errors="replace").rstrip("\r"))

    def _take(self, line: str) -> Iterator[Part]:
        """Comments have an empty name and a value; a block without JSON says nothing to us."""
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "id":
                self._id = value or None
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "" if not line and self._data:
                yield Part(self._id, self._event, json_object("\n".join(self._data)))
                self._id, self._event, self._data = None, "", []
