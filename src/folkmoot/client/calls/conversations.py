"""Calls of conversations. Written by `make docs`."""

from collections.abc import Sequence

from folkmoot.client import wire
from folkmoot.client.resources.conversations import (
    Acknowledgement,
    Conversation,
    ConversationPage,
    Message,
    MessageLog,
    MessagePage,
    Reply,
    ReplyPending,
)
from folkmoot.client.wire import Call
from folkmoot.kernel.json import JsonObject


def send_message(
    agent_id: str | int,
    message: str,
    *,
    conversation_id: str | None = None,
    on_busy: str | None = None,
    idempotency_key: str | None = None,
) -> Call[Reply | ReplyPending]:
    """Say something to an agent; answers its reply, or with `stream` server-sent events of it being written."""
    return Call(
        "POST",
        wire.path("/api/agents/{agent_id}/message", agent_id=agent_id),
        wire.either(wire.one(Reply), 202, wire.one(ReplyPending)),
        body={"message": message, "conversation_id": conversation_id, "on_busy": on_busy},
        is_long=True,
        takes_key=True,
        key=idempotency_key,
    )


def list_agent_messages(
    agent_id: str | int,
    *,
    direction: str | None = None,
    conversation_id: str | None = None,
    correlation_id: str | None = None,
    unacked: bool | None = None,
    skip: int | None = None,
    limit: int | None = None,
) -> Call[MessagePage]:
    """All that was said to the agent and by it, newest first."""
    return Call(
        "GET",
        wire.path("/api/agents/{agent_id}/messages", agent_id=agent_id),
        wire.one(MessagePage),
        query={
            "direction": direction,
            "conversation_id": conversation_id,
            "correlation_id": correlation_id,
            "unacked": unacked,
            "skip": skip,
            "limit": limit,
        },
    )


def post_agent_message(
    agent_id: str | int,
    payload: JsonObject,
    *,
    direction: str | None = None,
    correlation_id: str | None = None,
    task_id: str | None = None,
    run_id: str | None = None,
    to_agent_id: str | int | None = None,
) -> Call[Message]:
    """Put a message into the agent's mailbox: stored, then told to all who follow. Nobody replies to it."""
    return Call(
        "POST",
        wire.path("/api/agents/{agent_id}/messages", agent_id=agent_id),
        wire.one(Message),
        body={
            "direction": direction,
            "payload": payload,
            "correlation_id": correlation_id,
            "task_id": task_id,
            "run_id": run_id,
            "to_agent_id": to_agent_id,
        },
    )


def acknowledge_agent_messages(agent_id: str | int, message_ids: Sequence[str]) -> Call[Acknowledgement]:
    """Say that messages of the mailbox were taken; again changes nothing, and too late does not count."""
    return Call(
        "POST",
        wire.path("/api/agents/{agent_id}/messages/ack", agent_id=agent_id),
        wire.one(Acknowledgement),
        body={"message_ids": message_ids},
    )


def list_conversations(
    *, agent_id: str | int | None = None, skip: int | None = None, limit: int | None = None
) -> Call[ConversationPage]:
    """Conversations with agents, those last spoken in first."""
    return Call(
        "GET",
        "/api/conversations",
        wire.one(ConversationPage),
        query={"agent_id": agent_id, "skip": skip, "limit": limit},
    )


def get_conversation(conversation_id: str) -> Call[Conversation]:
    return Call(
        "GET",
        wire.path("/api/conversations/{conversation_id}", conversation_id=conversation_id),
        wire.one(Conversation),
    )


def rename_conversation(conversation_id: str, title: str) -> Call[Conversation]:
    return Call(
        "PATCH",
        wire.path("/api/conversations/{conversation_id}", conversation_id=conversation_id),
        wire.one(Conversation),
        body={"title": title},
    )


def delete_conversation(conversation_id: str) -> Call[None]:
    """With its messages; not while a reply is being written in it."""
    return Call(
        "DELETE", wire.path("/api/conversations/{conversation_id}", conversation_id=conversation_id), wire.nothing
    )


def list_conversation_messages(
    conversation_id: str, *, after: int | None = None, limit: int | None = None
) -> Call[MessageLog]:
    """The messages in order; `next` is the `after` of the following page."""
    return Call(
        "GET",
        wire.path("/api/conversations/{conversation_id}/messages", conversation_id=conversation_id),
        wire.one(MessageLog),
        query={"after": after, "limit": limit},
    )
