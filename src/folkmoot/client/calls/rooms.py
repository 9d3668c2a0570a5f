"""Calls of rooms. Written by `make docs`."""

from collections.abc import Sequence

from folkmoot.client import wire
from folkmoot.client.forms import Attached, File
from folkmoot.client.resources.knowledge import Document, DocumentPage
from folkmoot.client.resources.rooms import (
    Room,
    RoomHits,
    RoomMember,
    RoomMemberPage,
    RoomMessage,
    RoomMessageLog,
    RoomPage,
    RoomPresence,
    RoomPrompt,
    RoomWork,
)
from folkmoot.client.wire import Call
from folkmoot.kernel.json import JsonObject


def list_rooms(*, skip: int | None = None, limit: int | None = None) -> Call[RoomPage]:
    """The rooms that the caller is in, those last changed first, with what is unread in them."""
    return Call("GET", "/api/rooms", wire.one(RoomPage), query={"skip": skip, "limit": limit})


def create_room(
    name: str,
    *,
    description: str | None = None,
    mode: str | None = None,
    ai_frequency: float | None = None,
    seed: int | None = None,
    approval: bool | None = None,
    settings: JsonObject | None = None,
) -> Call[Room]:
    """Its maker is in it, as an owner; nobody else sees it until he is added."""
    return Call(
        "POST",
        "/api/rooms",
        wire.one(Room),
        body={
            "name": name,
            "description": description,
            "mode": mode,
            "ai_frequency": ai_frequency,
            "seed": seed,
            "approval": approval,
            "settings": settings,
        },
    )


def search_rooms(
    q: str, *, room_id: str | None = None, skip: int | None = None, limit: int | None = None
) -> Call[RoomHits]:
    """What people and agents have said in the rooms that the caller is in, best first."""
    return Call(
        "GET", "/api/rooms/search", wire.one(RoomHits), query={"q": q, "room_id": room_id, "skip": skip, "limit": limit}
    )


def get_room(room_id: str) -> Call[Room]:
    return Call("GET", wire.path("/api/rooms/{room_id}", room_id=room_id), wire.one(Room))


def change_room(
    room_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    mode: str | None = None,
    ai_frequency: float | None = None,
    seed: int | None = None,
    approval: bool | None = None,
    settings: JsonObject | None = None,
) -> Call[Room]:
    return Call(
        "PATCH",
        wire.path("/api/rooms/{room_id}", room_id=room_id),
        wire.one(Room),
        body={
            "name": name,
            "description": description,
            "mode": mode,
            "ai_frequency": ai_frequency,
            "seed": seed,
            "approval": approval,
            "settings": settings,
        },
    )


def delete_room(room_id: str) -> Call[None]:
    """With all that was said in it and attached to it; what agents were about to say is cancelled."""
    return Call("DELETE", wire.path("/api/rooms/{room_id}", room_id=room_id), wire.nothing)


def stop_room(room_id: str) -> Call[Room]:
    """Cut off the agent that is about to speak, and those in line behind it; nobody speaking is no mistake."""
    return Call("POST", wire.path("/api/rooms/{room_id}/stop", room_id=room_id), wire.one(Room))


def list_room_messages(room_id: str, *, after_seq: int | None = None, limit: int | None = None) -> Call[RoomMessageLog]:
    """In order; `next` is the `after_seq` of the following page."""
    return Call(
        "GET",
        wire.path("/api/rooms/{room_id}/messages", room_id=room_id),
        wire.one(RoomMessageLog),
        query={"after_seq": after_seq, "limit": limit},
    )


def post_room_message(
    room_id: str,
    content: str,
    *,
    reply_to: str | None = None,
    attachments: Sequence[str] | None = None,
    idempotency_key: str | None = None,
) -> Call[RoomMessage]:
    """Say something; which agents answer is decided in the same unit, and they are heard as events of the room."""
    return Call(
        "POST",
        wire.path("/api/rooms/{room_id}/messages", room_id=room_id),
        wire.one(RoomMessage),
        body={"content": content, "reply_to": reply_to, "attachments": attachments},
        is_long=True,
        takes_key=True,
        key=idempotency_key,
    )


def edit_room_message(room_id: str, message_id: str, content: str) -> Call[RoomMessage]:
    """Change what one has said oneself; agents that have answered it do not answer again."""
    return Call(
        "PATCH",
        wire.path("/api/rooms/{room_id}/messages/{message_id}", room_id=room_id, message_id=message_id),
        wire.one(RoomMessage),
        body={"content": content},
    )


def delete_room_message(room_id: str, message_id: str) -> Call[None]:
    """One's own message, or as an owner anybody's; its place in the order stays."""
    return Call(
        "DELETE",
        wire.path("/api/rooms/{room_id}/messages/{message_id}", room_id=room_id, message_id=message_id),
        wire.nothing,
    )


def add_room_reaction(room_id: str, message_id: str, emoji: str) -> Call[RoomMessage]:
    return Call(
        "PUT",
        wire.path(
            "/api/rooms/{room_id}/messages/{message_id}/reactions/{emoji}",
            room_id=room_id,
            message_id=message_id,
            emoji=emoji,
        ),
        wire.one(RoomMessage),
    )


def remove_room_reaction(room_id: str, message_id: str, emoji: str) -> Call[RoomMessage]:
    return Call(
        "DELETE",
        wire.path(
            "/api/rooms/{room_id}/messages/{message_id}/reactions/{emoji}",
            room_id=room_id,
            message_id=message_id,
            emoji=emoji,
        ),
        wire.one(RoomMessage),
    )


def get_room_prompt(room_id: str, agent_id: str | int) -> Call[RoomPrompt]:
    """Exactly what the agent would be sent if it spoke now."""
    return Call(
        "GET",
        wire.path("/api/rooms/{room_id}/agents/{agent_id}/prompt", room_id=room_id, agent_id=agent_id),
        wire.one(RoomPrompt),
    )


def start_room_task(room_id: str, text: str) -> Call[RoomWork]:
    """As `/task ...` in a message: the default team works on it, and the room is told how it goes."""
    return Call(
        "POST", wire.path("/api/rooms/{room_id}/tasks", room_id=room_id), wire.one(RoomWork), body={"text": text}
    )


def start_room_debate(room_id: str, text: str) -> Call[RoomWork]:
    """As `/debate ...` in a message: the agents of the room debate it, and the room is told what was decided."""
    return Call(
        "POST", wire.path("/api/rooms/{room_id}/debates", room_id=room_id), wire.one(RoomWork), body={"text": text}
    )


def list_room_members(room_id: str, *, skip: int | None = None, limit: int | None = None) -> Call[RoomMemberPage]:
    """People and agents, in the order in which they came."""
    return Call(
        "GET",
        wire.path("/api/rooms/{room_id}/members", room_id=room_id),
        wire.one(RoomMemberPage),
        query={"skip": skip, "limit": limit},
    )


def add_room_member(
    room_id: str,
    *,
    user_id: str | None = None,
    agent_id: str | int | None = None,
    role: str | None = None,
    category: str | None = None,
    trigger: JsonObject | None = None,
    schedule: JsonObject | None = None,
    asleep: bool | None = None,
) -> Call[RoomMember]:
    """A person of the workspace, or an agent with what makes it speak."""
    return Call(
        "POST",
        wire.path("/api/rooms/{room_id}/members", room_id=room_id),
        wire.one(RoomMember),
        body={
            "user_id": user_id,
            "agent_id": agent_id,
            "role": role,
            "category": category,
            "trigger": trigger,
            "schedule": schedule,
            "asleep": asleep,
        },
    )


def change_room_member(
    room_id: str,
    member_id: str,
    *,
    role: str | None = None,
    category: str | None = None,
    trigger: JsonObject | None = None,
    schedule: JsonObject | None = None,
    asleep: bool | None = None,
) -> Call[RoomMember]:
    return Call(
        "PATCH",
        wire.path("/api/rooms/{room_id}/members/{member_id}", room_id=room_id, member_id=member_id),
        wire.one(RoomMember),
        body={"role": role, "category": category, "trigger": trigger, "schedule": schedule, "asleep": asleep},
    )


def remove_room_member(room_id: str, member_id: str) -> Call[None]:
    """Anybody may go himself; whoever is out is told nothing from that moment on."""
    return Call(
        "DELETE",
        wire.path("/api/rooms/{room_id}/members/{member_id}", room_id=room_id, member_id=member_id),
        wire.nothing,
    )


def get_room_presence(room_id: str) -> Call[RoomPresence]:
    """Its people with an open socket that follows the room, and what its agents do."""
    return Call("GET", wire.path("/api/rooms/{room_id}/presence", room_id=room_id), wire.one(RoomPresence))


def mark_room_read(room_id: str, *, seq: int | None = None) -> Call[RoomMember]:
    """Set the caller's read marker; it does not move back."""
    return Call(
        "POST", wire.path("/api/rooms/{room_id}/read", room_id=room_id), wire.one(RoomMember), body={"seq": seq}
    )


def add_room_attachment(
    room_id: str,
    title: str,
    text: str,
    *,
    wait: float | None = None,
    media_type: str | None = None,
    tags: Sequence[str] | None = None,
    source: str | None = None,
) -> Call[Document]:
    """As a document is added, but it is the room's: who is in it sees it, and its agents find it in the room."""
    return Call(
        "POST",
        wire.path("/api/rooms/{room_id}/attachments", room_id=room_id),
        wire.one(Document),
        query={"wait": wait},
        body={"title": title, "text": text, "media_type": media_type, "tags": tags, "source": source},
        is_long=True,
    )


def upload_room_attachment(
    room_id: str,
    file: File,
    *,
    filename: str | None = None,
    wait: float | None = None,
    title: str | None = None,
    tags: Sequence[str] | None = None,
    source: str | None = None,
) -> Call[Document]:
    """As a document is added, but it is the room's: who is in it sees it, and its agents find it in the room.
    `file` is a path, or the bytes themselves.
    """
    return Call(
        "POST",
        wire.path("/api/rooms/{room_id}/attachments", room_id=room_id),
        wire.one(Document),
        query={"wait": wait},
        body={"title": title, "tags": tags, "source": source},
        attached=Attached(file, filename),
        is_long=True,
    )


def list_room_attachments(room_id: str, *, skip: int | None = None, limit: int | None = None) -> Call[DocumentPage]:
    """Newest first."""
    return Call(
        "GET",
        wire.path("/api/rooms/{room_id}/attachments", room_id=room_id),
        wire.one(DocumentPage),
        query={"skip": skip, "limit": limit},
    )


def delete_room_attachment(room_id: str, document_id: str) -> Call[None]:
    """One's own, or as an owner anybody's; messages that name it stay as they are."""
    return Call(
        "DELETE",
        wire.path("/api/rooms/{room_id}/attachments/{document_id}", room_id=room_id, document_id=document_id),
        wire.nothing,
    )
