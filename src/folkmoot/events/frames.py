"""Frames: an event as it goes over every wire, encoded once however many follow."""

from dataclasses import dataclass

from folkmoot.events.tables import Event
from folkmoot.kernel.clock import iso
from folkmoot.kernel.facts import REFERENCES
from folkmoot.kernel.json import JsonObject, dumps


@dataclass(frozen=True, slots=True)
class Frame:
    """One event; `text` is its JSON, `references` the ids it is about by name."""

    seq: int
    type: str
    references: dict[str, str]
    text: str


def view(event: Event) -> JsonObject:
    """The frame of api.md section 12 as a JSON object."""
    body: JsonObject = {
        "event_type": event.type,
        "timestamp": iso(event.at),
        "seq": event.seq,
        "workspace_id": event.workspace_id,
        **_references(event),
    }
    if event.run_seq is not None:
        body["run_seq"] = event.run_seq
    body["data"] = event.data
    return body


def frame(event: Event) -> Frame:
    return Frame(event.seq, event.type, _references(event), dumps(view(event)))


def _references(event: Event) -> dict[str, str]:
    values = ((name, getattr(event, name)) for name in REFERENCES)
    return {name: value for name, value in values if value is not None}
