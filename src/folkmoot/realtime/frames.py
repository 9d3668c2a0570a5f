"""What goes over sockets beside events: control frames, and the messages of Socket.IO; their schemas and examples."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.http.text import Line, LongText, Safe
from folkmoot.kernel.json import JsonObject
from folkmoot.ops.schemas import SystemStatus
from folkmoot.rooms.member_schemas import PresentPerson

_AGENT = "01a1fdeb-528c-795c-a298-63e88eb6eb82"
_RUN = "01a1fdeb-4f25-7a67-9d73-cb2475345e05"
_ROOM = "01a1fdeb-54a1-7c11-8f25-9c1f3b7a6d02"
Seq = Annotated[int, Field(ge=0, description="Of the workspace's log")]
Cursor = Annotated[int | dict[str, int] | None, Field(description="A seq, or one by workspace id where several are")]
AgentNumber = Annotated[int, Field(strict=True, ge=0)]
Channels = Annotated[list[Annotated[str, Field(max_length=300)]], Field(min_length=1, max_length=100)]


def _shown(example: JsonObject) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class Subscribed(BaseModel):
    """The first frame of a stream that can be resumed: what was kept since `after` follows, or with `reset` not all."""

    model_config = _shown(
        {"type": "subscribed", "channel": f"run:{_RUN}", "after": 9, "oldest": 1, "latest": 12, "reset": False}
    )

    type: Literal["subscribed"]
    channel: str
    after: Cursor
    oldest: Cursor
    latest: Cursor
    reset: bool


class Started(BaseModel):
    """A reply is about to be written; what it says follows as `delta`."""

    model_config = _shown({"type": "started", "run_id": _RUN, "conversation_id": _ROOM, "message_id": _AGENT})

    type: Literal["started"]
    run_id: str
    conversation_id: str
    message_id: str


class Delta(BaseModel):
    """A piece of what a model is saying, of the call `key`; not kept: the message itself always follows."""

    model_config = _shown({"type": "delta", "key": "t1.m1", "text": "After a crash"})

    type: Literal["delta"]
    key: str
    text: str


class DeltaReset(BaseModel):
    """The call is asked again: forget its deltas so far."""

    model_config = _shown({"type": "delta_reset", "key": "t1.m1"})

    type: Literal["delta_reset"]
    key: str


class Heartbeat(BaseModel):
    """Nothing has happened for 30 seconds; on `/ws/debate-updates` only."""

    model_config = _shown({"type": "heartbeat"})

    type: Literal["heartbeat"]


class Unsubscribed(BaseModel):
    """A room that was followed by name with other things is followed no longer: who follows is out of it."""

    model_config = _shown({"type": "unsubscribed", "channel": f"room:{_ROOM}", "reason": "no longer in the room"})

    type: Literal["unsubscribed"]
    channel: str
    reason: str


class Presence(BaseModel):
    """Who is in a room: with `reset` all of them, else who has come or is shown otherwise, and who has gone.

    Of no log, so without a seq; only where the room is followed by name.
    """

    model_config = _shown(
        {
            "type": "presence",
            "room_id": _ROOM,
            "reset": True,
            "here": [
                {"user_id": "local", "name": "local owner", "role": "owner", "since": "2026-11-21T11:43:40.194202Z"}
            ],
            "gone": [],
        }
    )

    type: Literal["presence"]
    room_id: str
    reset: bool
    here: list[PresentPerson]
    gone: Annotated[list[str], Field(description="User ids")]


class Typing(BaseModel):
    """Somebody else is typing in a room; it is over after so many seconds, or with his message."""

    model_config = _shown(
        {"type": "typing", "room_id": _ROOM, "user_id": _AGENT, "name": "Bea", "expires_in_seconds": 5}
    )

    type: Literal["typing"]
    room_id: str
    user_id: str
    name: str
    expires_in_seconds: int


class TypingHere(BaseModel):
    """Say that one is typing in a room, every few seconds while one is; needs a member of the room."""

    model_config = _shown({"type": "typing", "room_id": _ROOM})

    type: Literal["typing"]
    room_id: str | None = Field(None, description="Needed where several rooms are followed")


class StatusFrame(BaseModel):
    """How the workspace's agents and the server are, as `/system/status` answers it; of no log, so without a seq."""

    event_type: Literal["system_status", "status_update"]
    timestamp: datetime
    workspace_id: str
    data: SystemStatus


class FirstStatus(StatusFrame):
    """The first frame: how the workspace's agents and the server are."""

    event_type: Literal["system_status"]


class StatusUpdate(StatusFrame):
    """The same again, every 30 seconds."""

    event_type: Literal["status_update"]


class SendMessage(BaseModel):
    """Say something to an agent; `agent_response` answers."""

    model_config = _shown({"agent_id": 1, "message": "What is promised about crashes?"})

    agent_id: AgentNumber | Line
    message: LongText
    conversation_id: Line | None = None


class AgentStatusRequest(BaseModel):
    """Ask for an agent's status; `agent_status` answers the asker only."""

    model_config = _shown({"agent_id": 1})

    agent_id: AgentNumber | Line


class WorkflowUpdate(BaseModel):
    """A note on a workflow; kept as a note, it changes no state, and goes out as `workflow_status`."""

    model_config = _shown({"workflow_id": "w-7", "status": "running", "message": "Half way"})

    workflow_id: Line
    status: Line
    message: Annotated[Safe, Field(max_length=8000)]


class JoinRoom(BaseModel):
    """Follow a room from `after`, a seq of the workspace's log, on."""

    model_config = _shown({"room_id": _ROOM, "after": 12})

    room_id: Line
    after: int | None = None


class TypingIn(BaseModel):
    """Say that one is typing in a room, every few seconds while one is; the others in it hear `typing`."""

    model_config = _shown({"room_id": _ROOM})

    room_id: Line


class Subscribe(BaseModel):
    """Follow channels; what happens comes as `event`."""

    model_config = _shown({"channels": [f"run:{_RUN}", "agents"], "after": 12})

    channels: Channels
    after: Cursor = None


class Unsubscribe(BaseModel):
    """Follow channels no longer."""

    model_config = _shown({"channels": ["agents"]})

    channels: Channels


class ConnectionResponse(BaseModel):
    """The first message of a connection."""

    model_config = _shown({"status": "connected", "workspace_id": _ROOM, "latest": 12})

    status: str
    workspace_id: str
    latest: Seq


class ChannelSubscribed(BaseModel):
    """What was asked for with `subscribe`, one for each workspace; `event`s after `after` follow."""

    model_config = _shown(
        {
            "type": "subscribed",
            "channel": "agents",
            "workspace_id": _ROOM,
            "after": 9,
            "oldest": 1,
            "latest": 12,
            "reset": False,
        }
    )

    type: Literal["subscribed"]
    channel: str
    workspace_id: str
    after: Seq
    oldest: Seq
    latest: Seq
    reset: bool


class AgentResponse(BaseModel):
    """What an agent says; `agent_id` is its number, `agent_uuid` its id."""

    model_config = _shown(
        {
            "agent_id": 1,
            "agent_uuid": _AGENT,
            "agent_name": "Driver",
            "message": "On it.",
            "sender": "Driver",
            "message_id": _RUN,
            "conversation_id": _ROOM,
            "run_id": _RUN,
        }
    )

    agent_id: int
    agent_uuid: str
    agent_name: str
    message: str
    sender: str
    message_id: str
    conversation_id: str | None = None
    run_id: str | None = None


class AgentStatusMessage(BaseModel):
    """An agent's status: busy, then idle, which here also stands for `active`."""

    model_config = _shown({"agent_id": 1, "agent_uuid": _AGENT, "agent_name": "Driver", "status": "busy"})

    agent_id: int
    agent_uuid: str
    agent_name: str
    status: str


class WorkflowStatus(WorkflowUpdate):
    """A note on a workflow, for all who may see the workspace."""


class RoomMessage(BaseModel):
    """What was said in a room that was joined."""

    model_config = _shown({"message": {"room_id": _ROOM, "seq": 3, "content": "Agreed.", "sender_type": "user"}})

    message: JsonObject


class ErrorMessage(BaseModel):
    """Something of the client's was refused, or failed later; `hint` is the next step, where there is one."""

    model_config = _shown({"error": "Agent not found"})

    error: str
    hint: str | None = None
    run_id: str | None = Field(None, description="Of the reply that failed")
    workspace_id: str | None = Field(None, description="Which is followed no longer")
    room_id: str | None = Field(None, description="Which is followed no longer")


CONTROL: dict[str, type[BaseModel]] = {
    "subscribed": Subscribed,
    "started": Started,
    "delta": Delta,
    "delta_reset": DeltaReset,
    "heartbeat": Heartbeat,
    "unsubscribed": Unsubscribed,
    "presence": Presence,
    "typing": Typing,
}
"""By their `type`."""

STATUS: dict[str, type[BaseModel]] = {"system_status": FirstStatus, "status_update": StatusUpdate}
"""Of `/ws/agent-updates`, by their `event_type`."""

FROM_CLIENT: dict[str, type[BaseModel]] = {"typing": TypingHere}
"""What is taken on WebSockets that follow rooms by name, by its `type`."""

OF_ROOMS = ("unsubscribed", "presence", "typing")
"""Control frames of such WebSockets alone."""

SOCKETIO_IN: dict[str, type[BaseModel]] = {
    "send_message": SendMessage,
    "agent_status_request": AgentStatusRequest,
    "workflow_update": WorkflowUpdate,
    "join_room": JoinRoom,
    "typing": TypingIn,
    "subscribe": Subscribe,
    "unsubscribe": Unsubscribe,
}
SOCKETIO_OUT: dict[str, type[BaseModel]] = {
    "connection_response": ConnectionResponse,
    "subscribed": ChannelSubscribed,
    "agent_response": AgentResponse,
    "agent_status": AgentStatusMessage,
    "workflow_status": WorkflowStatus,
    "room_message": RoomMessage,
    "presence": Presence,
    "typing": Typing,
    "error": ErrorMessage,
}
"""By the name of the Socket.IO event; `event` is any event of the log as its frame."""
