"""The access log: one line for each request and socket, without queries, bodies or anything else that is secret."""

import logging
import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from starlette.types import Message, Scope

from folkmoot.http.paths import canonical
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.logs import fielded
from folkmoot.kernel.scope import Actor

_log = logging.getLogger("folkmoot.access")
_PLAIN = re.compile(r"[!$&-;=@-Z_a-z~]{1,500}")
_LONGEST = 500


class Caller(Protocol):
    """Who was let in, as the door leaves it in `state["caller"]`."""

    @property
    def actor(self) -> Actor: ...

    @property
    def credential(self) -> str: ...


@dataclass(slots=True)
class Answered:
    """What went out: 101 is a socket that was opened, and `close_code` how it was closed from here."""

    status: int = 500
    size: int = 0
    close_code: int | None = None

    def note(self, message: Message) -> None:
        match message["type"]:
            case "http.response.body" | "websocket.http.response.body":
                self.size += len(message.get("body", b""))
            case "http.response.start" | "websocket.http.response.start":
                self.status = message["status"]
            case "websocket.send":
                self.size += len(message.get("text") or message.get("bytes") or b"")
            case "websocket.accept":
                self.status = 101
            case "websocket.close":
                self.status = 101 if self.status == 101 else 403
                self.close_code = message.get("code", 1000)


def open_log() -> None:
    """The log was asked for, so LOG_LEVEL does not silence it."""
    _log.setLevel(logging.INFO)


def log_access(scope: Scope, answered: Answered, seconds: float) -> None:
    """Everything the caller chose is escaped, so that a line is one request and its fields are its own."""
    state, client = scope["state"], scope.get("client")
    caller: Caller | None = state.get("caller")
    told: JsonObject = {
        "method": _plain(scope["method"][:32]) if scope["type"] == "http" else "SOCKET",
        "path": _plain(canonical(state["path"][:_LONGEST])),
        "status": answered.status,
        "close_code": answered.close_code,
        "milliseconds": round(seconds * 1000, 2),
        "bytes": answered.size,
        "request_id": state["request_id"],
        "caller": None if caller is None else f"{caller.credential}:{caller.actor.id}",
        "address": _plain(client[0]) if client else None,
    }
    _log.info(_line(told), extra=fielded(**told))


def _line(told: JsonObject) -> str:
    """The same for a person."""
    close = "" if told["close_code"] is None else f"/{told['close_code']}"
    return (
        f"{told['method']} {told['path']} {told['status']}{close} {told['milliseconds']:.2f}ms {told['bytes']}b "
        f"request={told['request_id']} caller={told['caller'] or '-'} address={told['address'] or '-'}"
    )


def _plain(text: str) -> str:
    """As it is where it is one printable word, else percent-encoded."""
    return text if _PLAIN.fullmatch(text) else quote(text, safe="/:", errors="replace")[:_LONGEST]
