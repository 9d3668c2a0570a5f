"""Talking to agents over HTTP: a message and its reply, conversations, what was said."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import HTTPConnection

from folkmoot.agents.queries import NoSuchAgent, NotInitialized
from folkmoot.agents.routes import AgentRef, enabled_agents
from folkmoot.agents.service import AgentsDisabled
from folkmoot.conversations import mailbox, queries, service
from folkmoot.conversations.mailbox import MailboxRules, NeedsNoAcknowledgement, NoSuchMessage, ToItself
from folkmoot.conversations.queries import NoSuchConversation
from folkmoot.conversations.schemas import (
    Acknowledgement,
    ConversationChange,
    ConversationPage,
    ConversationView,
    Direction,
    MessageLog,
    MessagePage,
    MessageView,
    NewAcknowledgement,
    NewPost,
)
from folkmoot.conversations.service import ConversationBusy, conversation_view, message_view
from folkmoot.http.deps import Db
from folkmoot.http.paging import LIMIT, Paging
from folkmoot.http.problems import problems
from folkmoot.kernel.json import LARGEST_INTEGER
from folkmoot.runs.queries import NoSuchRun
from folkmoot.workspaces.deps import Here


async def _mailboxes(connection: HTTPConnection) -> MailboxRules:
    rules: MailboxRules = connection.app.state.mailboxes
    return rules


Mailboxes = Annotated[MailboxRules, Depends(_mailboxes)]
ConversationId = Annotated[str, Path(max_length=255)]

router = APIRouter(prefix="/api", tags=["conversations"])


@router.get(
    "/agents/{agent_id}/messages",
    dependencies=[Depends(enabled_agents)],
    responses=problems(NoSuchAgent, NotInitialized, AgentsDisabled),
)
async def list_agent_messages(
    db: Db,
    here: Here,
    paging: Paging,
    agent_id: AgentRef,
    direction: Annotated[Direction | None, Query()] = None,
    conversation_id: Annotated[str | None, Query(max_length=36)] = None,
    correlation_id: Annotated[str | None, Query(max_length=255)] = None,
    unacked: Annotated[bool, Query(description="Only what may still be acknowledged")] = False,
) -> MessagePage:
    """All that was said to the agent and by it, newest first."""
    given = {
        "direction": direction,
        "conversation_id": conversation_id,
        "correlation_id": correlation_id,
        "unacked": "true" if unacked else None,
    }
    filters = {name: value for name, value in given.items() if value is not None}
    rows, total = await db.read_long(queries.list_agent_messages, here, agent_id, filters, paging.skip, paging.limit)
    found = [message_view(row) for row in rows]
    return MessagePage(messages=found, total=total, skip=paging.skip, limit=paging.limit)


@router.post(
    "/agents/{agent_id}/messages",
    status_code=201,
    dependencies=[Depends(enabled_agents)],
    responses=problems(NoSuchAgent, NoSuchRun, ToItself, NotInitialized, AgentsDisabled),
)
async def post_agent_message(db: Db, here: Here, rules: Mailboxes, agent_id: AgentRef, new: NewPost) -> MessageView:
    """Put a message into the agent's mailbox: stored, then told to all who follow. Nobody replies to it."""
    return await db.write(mailbox.post, here, rules, agent_id, new)


@router.post(
    "/agents/{agent_id}/messages/ack",
    dependencies=[Depends(enabled_agents)],
    responses=problems(NoSuchAgent, NoSuchMessage, NeedsNoAcknowledgement, NotInitialized, AgentsDisabled),
)
async def acknowledge_agent_messages(
    db: Db, here: Here, agent_id: AgentRef, new: NewAcknowledgement
) -> Acknowledgement:
    """Say that messages of the mailbox were taken; again changes nothing, and too late does not count."""
    return await db.write(mailbox.acknowledge, here, agent_id, new.message_ids)


@router.get("/conversations", responses=problems(NoSuchAgent, NotInitialized))
async def list_conversations(
    db: Db, here: Here, paging: Paging, agent_id: Annotated[str | None, Query(max_length=255)] = None
) -> ConversationPage:
    """Conversations with agents, those last spoken in first."""
    rows, total = await db.read_long(queries.list_conversations, here, agent_id, paging.skip, paging.limit)
    found = [conversation_view(row) for row in rows]
    return ConversationPage(conversations=found, total=total, skip=paging.skip, limit=paging.limit)


@router.get("/conversations/{conversation_id}", responses=problems(NoSuchConversation))
async def get_conversation(db: Db, here: Here, conversation_id: ConversationId) -> ConversationView:
    return conversation_view(await db.read(queries.get_conversation, here, conversation_id))


@router.patch("/conversations/{conversation_id}", responses=problems(NoSuchConversation))
async def rename_conversation(
    db: Db, here: Here, conversation_id: ConversationId, change: ConversationChange
) -> ConversationView:
    return await db.write(service.rename_conversation, here, conversation_id, change.title)


@router.delete(
    "/conversations/{conversation_id}",
    status_code=204,
    responses=problems(NoSuchConversation, ConversationBusy),
)
async def delete_conversation(db: Db, here: Here, conversation_id: ConversationId) -> None:
    """With its messages; not while a reply is being written in it."""
    await db.write(service.delete_conversation, here, conversation_id)


@router.get("/conversations/{conversation_id}/messages", responses=problems(NoSuchConversation))
async def list_conversation_messages(
    db: Db,
    here: Here,
    conversation_id: ConversationId,
    after: Annotated[int, Query(ge=0, le=LARGEST_INTEGER)] = 0,
    limit: Annotated[int, Query(ge=1, le=LIMIT)] = 50,
) -> MessageLog:
    """The messages in order; `next` is the `after` of the following page."""
    rows = await db.read_long(queries.conversation_messages, here, conversation_id, after, limit)
    return MessageLog(messages=[message_view(row) for row in rows], next=rows[-1].seq if len(rows) == limit else None)
