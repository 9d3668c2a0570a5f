"""Facts: what a room says has happened. A fact becomes one row of the workspace's event log."""

from dataclasses import dataclass, fields
from typing import ClassVar, NamedTuple

from folkmoot.kernel.json import JsonObject

REFERENCES = ("agent_id", "task_id", "run_id", "room_id", "debate_id")


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Base of all facts: frozen keyword-only dataclasses, past tense, with the wire name in `type`.

    Fields named in REFERENCES become the frame's own keys; all other fields are its `data`.
    """

    type: ClassVar[str]
    example: ClassVar[JsonObject] = {}
    """Of its `data`, without the fields that show a resource."""


class Names(NamedTuple):
    """Of a fact's fields: those that are references, and all others."""

    references: tuple[str, ...]
    data: tuple[str, ...]


class _Known(dict[type[Fact], Names]):
    """Worked out at the first fact of each class."""

    def __missing__(self, kind: type[Fact]) -> Names:
        names = [field.name for field in fields(kind)]
        about = tuple(name for name in names if name in REFERENCES)
        known = self[kind] = Names(about, tuple(name for name in names if name not in REFERENCES))
        return known


NAMES = _Known()


@dataclass(frozen=True, slots=True)
class Shows:
    """Says of a fact's field that it shows a resource, named as in `resource_changed`, in the API's own words.

    A `part` has the id and those members that may be others now; whoever keeps the resource merges it in.
    `resource_changed` itself names the resource beside the field.
    """

    resource: str | None = None
    is_part: bool = False

    def __get_pydantic_json_schema__(self, *_: object) -> JsonObject:
        return {SHOWS: self.resource, PART: self.is_part}


SHOWS, PART = "x-shows", "x-part"
"""The keywords of a field's JSON Schema that say what `Shows` says."""


@dataclass(slots=True)
class Emission:
    """A fact on its way into the log; `run_seq` is filled in before the unit ends where it has a run."""

    workspace_id: str
    fact: Fact
    references: dict[str, str]
    run_seq: int | None = None
