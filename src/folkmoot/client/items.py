"""What streams give: facts of the log, and between them what is shown once."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from pydantic import ValidationError

from folkmoot.client.faults import Unreadable
from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class Event(Resource):
    """A fact of a workspace's log; docs/events.md says which there are. Events of a run have a `run_seq` too."""

    event_type: str
    timestamp: datetime
    seq: int
    workspace_id: str
    agent_id: str | None = None
    task_id: str | None = None
    run_id: str | None = None
    room_id: str | None = None
    debate_id: str | None = None
    run_seq: int | None = None
    data: JsonObject


Position: TypeAlias = int | dict[str, int]
"""A seq; by workspace where several logs are followed at once."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The log no longer holds what came after the cursor: fetch anew what you know, then go on with what follows."""

    after: Position
    oldest: Position
    latest: Position


@dataclass(frozen=True, slots=True)
class Started:
    """A message was stored, and its reply begins."""

    run_id: str
    conversation_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of text as it is being written; a run may write several at once, each under a key of its own."""

    text: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class DeltaReset:
    """The text shown so far does not stand: it is written again, or a piece of it was missed. No key: all text."""

    key: str | None = None


def event_of(data: JsonObject) -> Event:
    try:
        return Event.model_validate(data)
    except ValidationError as error:
        raise Unreadable(f"A frame is no event as this client knows it: {error}") from error
