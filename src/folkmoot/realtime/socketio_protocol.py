"""The protocol on Socket.IO: which packets are taken, and what an event of the log is in its words. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from folkmoot.events.frames import Frame
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import Json, JsonObject, dumps, loads
from folkmoot.runs.stream import TERMINAL

RECORD = "\x1e"
"""Between the packets of one polling request."""

_PACKETS_AT_ONCE = 16
_PACKET = re.compile(r"1|2probe|3(?:probe)?|5|6|4[01](?:/[\w/-]{0,63},?)?(?:\{.*\})?|42\d{0,9}\[.*\]", re.DOTALL)
_RESERVED = frozenset({"connect", "disconnect", "connect_error", "*"})
"""The library has handlers of these names that are not for clients."""

_EVENT = re.compile(r"42\d*(\[.*\])", re.DOTALL)

SAID_AS = {"active": "idle"}
"""Statuses in the words of the protocol: whoever is not busy and could be is idle."""


@dataclass(frozen=True, slots=True)
class Named:
    """How an agent is called."""

    id: str
    number: int
    name: str


def packets_of(body: str) -> list[str] | None:
    """The packets of a polling request; None where there are too many, or one that is not taken."""
    packets = body.split(RECORD)
    return packets if len(packets) <= _PACKETS_AT_ONCE and all(map(is_packet, packets)) else None


def is_packet(text: str) -> bool:
    """Whether it is a packet that a client may send: none with attachments, which nothing here has a use for."""
    if _PACKET.fullmatch(text) is None:
        return False
    event = _EVENT.fullmatch(text)
    return event is None or _has_name(event[1])


def is_message(packet: str) -> bool:
    """Whether it counts against what a client may say: its heartbeats do not."""
    return packet.startswith("4")


def _has_name(arguments: str) -> bool:
    try:
        said = loads(arguments)
    except ValueError:
        return False
    return isinstance(said, list) and bool(said) and isinstance(said[0], str) and said[0] not in _RESERVED


def packet(name: str, *payload: str) -> str:
    """An event for the client; its payload is JSON."""
    return f"2[{','.join((dumps(name), *payload))}]"


DISCONNECT = "1"


def event_packet(frame: Frame) -> str:
    return packet("event", frame.text)


def is_told(frame: Frame) -> bool:
    """Whether the protocol has a word for such an event beside `event`."""
    return frame.type in _TOLD


def told(frame: Frame, named: Named | None) -> tuple[str, JsonObject] | None:
    """The event of the log as a name and payload of the protocol; `named` is the agent it is about."""
    data = data_of(frame)
    match frame.type:
        case "agent_status_changed" if named is not None:
            return "agent_status", agent_status(named, str(data.get("status")))
        case "agent_message" if named is not None:
            return _agent_response(data.get("message"), named)
        case "workflow_update":
            return "workflow_status", {key: data.get(key) for key in ("workflow_id", "status", "message")}
        case _:
            return None


_TOLD = frozenset({"agent_status_changed", "agent_message", "workflow_update"})


def data_of(frame: Frame) -> JsonObject:
    body = loads(frame.text)
    assert isinstance(body, dict), "a frame is an object"
    data = body["data"]
    assert isinstance(data, dict), "and so is its data"
    return data


def agent_status(named: Named, status: str) -> JsonObject:
    return {**_agent(named), "status": SAID_AS.get(status, status)}


def _agent_response(message: Json, named: Named) -> tuple[str, JsonObject] | None:
    if not isinstance(message, dict) or message.get("direction") != "outbound":
        return None
    ids = {key: message.get(key) for key in ("conversation_id", "run_id") if message.get(key) is not None}
    text = str(message.get("text", ""))
    return "agent_response", {
        **_agent(named),
        "message": text,
        "sender": named.name,
        "message_id": message.get("id"),
        **ids,
    }


def _agent(named: Named) -> JsonObject:
    return {"agent_id": named.number, "agent_uuid": named.id, "agent_name": named.name}


def ends(frame: Frame, run_id: str) -> bool:
    return frame.type in TERMINAL and frame.references.get("run_id") == run_id


def failure_of(frame: Frame) -> JsonObject | None:
    """What to tell whoever asked for a reply whose run has ended without one."""
    if frame.type == "failure":
        data = data_of(frame)
        return {"error": data.get("error") or "The reply failed", "run_id": frame.references.get("run_id")}
    if frame.type == "cancelled":
        return {"error": "The reply was cancelled", "run_id": frame.references.get("run_id")}
    return None


def error_of(problem: Problem) -> JsonObject:
    """`error`, and the next step where there is one."""
    hint = problem.facts.get("hint", problem.hint)
    return {"error": problem.detail, **({"hint": hint} if hint else {})}


def refusal(problem: Problem) -> JsonObject:
    """What a client's acknowledgement callback is told instead of `ok`."""
    return {"ok": False, **error_of(problem), "code": problem.code}


def one_line(errors: list[Mapping[str, object]]) -> str:
    """What is wrong with a message, by field, without what was sent."""
    first = errors[0]
    place = first.get("loc")
    where = ".".join(str(part)[:64] for part in place[:3]) if isinstance(place, tuple) else ""
    return f"{where}: {first.get('msg')}" if where else str(first.get("msg"))
