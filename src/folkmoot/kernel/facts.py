"""Facts: what a room says has happened. A fact becomes one row of the workspace's event log."""

from dataclasses import dataclass
from typing import ClassVar

REFERENCES = ("agent_id", "task_id", "run_id", "room_id", "debate_id")


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Base of all facts: frozen keyword-only dataclasses, past tense, with the wire name in `type`.

    Fields named in REFERENCES become the frame's own keys; all other fields are its `data`.
    """

    type: ClassVar[str]


@dataclass(slots=True)
class Emission:
    """A fact on its way into the log; `run_seq` is filled in before the unit ends where it has a run."""

    workspace_id: str
    fact: Fact
    references: dict[str, str]
    run_seq: int | None = None
