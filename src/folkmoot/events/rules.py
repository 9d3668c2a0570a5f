"""What of a workspace's log somebody follows. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """Events with a reference to one of these ids and of one of these types; what is None narrows nothing.

    A `reference` without `ids` takes whatever has that reference, such as the events of all agents.
    """

    reference: str | None = None
    ids: frozenset[str] | None = None
    types: frozenset[str] | None = None

    def takes(self, kind: str, references: Mapping[str, str]) -> bool:
        if self.types is not None and kind not in self.types:
            return False
        if self.reference is None:
            return True
        id = references.get(self.reference)
        return id is not None and (self.ids is None or id in self.ids)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """What any of these selections takes, each event once."""

    selections: tuple[Selection, ...]

    def takes(self, kind: str, references: Mapping[str, str]) -> bool:
        return any(selection.takes(kind, references) for selection in self.selections)


EVERYTHING = Selection()


def about(reference: str, *ids: str) -> Selection:
    """The events about any of these things: about("run_id", id)."""
    return Selection(reference, frozenset(ids))
