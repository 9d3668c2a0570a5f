"""Every SELECT of conversations and messages."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from folkmoot.agents.queries import get_agent
from folkmoot.conversations.tables import Conversation, Message
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import NotFound
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import dumps
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.tables import Document

CONVERSATION_COLUMNS = Conversation.__table__.columns
MESSAGE_COLUMNS = Message.__table__.columns

IS_STANDING = sa.text("conversations.is_standing")
"""In the words of the partial index: SQLite does not see that `is_standing = 1` is the same."""

# Typed, because PostgreSQL cannot tell what the difference of two untyped parameters is.
_UPTO = sa.bindparam("upto", type_=sa.BigInteger())
_MOST = sa.bindparam("most", type_=sa.BigInteger())

_HERE = sa.and_(Conversation.workspace_id == sa.bindparam("workspace_id"), Conversation.kind == "direct")
_CONVERSATIONS = sa.select(*CONVERSATION_COLUMNS).where(_HERE)
_CONVERSATION = _CONVERSATIONS.where(Conversation.id == sa.bindparam("conversation_id"))
_STANDING = _CONVERSATIONS.where(
    Conversation.agent_id == sa.bindparam("agent_id"),
    Conversation.user_id == sa.bindparam("user_id"),
    IS_STANDING,
)
_MESSAGES = sa.select(*MESSAGE_COLUMNS).where(Message.deleted_at.is_(None))
_LOG = (
    _MESSAGES.where(Message.conversation_id == sa.bindparam("conversation_id"), Message.seq > sa.bindparam("after"))
    .order_by(Message.seq)
    .limit(_MOST)
)

# A waiting question has a lower `seq` than the reply before it: what counts is the question that was replied to.
_Question = aliased(Message)
_TURN = sa.func.coalesce(_Question.seq, Message.seq)
_HISTORY = (
    sa.select(Message.id, Message.direction, Message.text)
    .outerjoin(_Question, _Question.id == Message.reply_to)
    .where(
        Message.conversation_id == sa.bindparam("conversation_id"),
        Message.deleted_at.is_(None),
        Message.seq > _UPTO - _MOST,
        sa.or_(Message.seq <= _UPTO, _Question.seq < _UPTO),
    )
    .order_by(_TURN.desc(), Message.seq.desc())
    .limit(_MOST)
)


MOST_TAGGED = 5000
"""Documents an agent can be narrowed to by its tags, the newest first."""


class NoSuchConversation(NotFound):
    """Conversation not found"""


def get_conversation(tx: Tx, scope: Scope, conversation_id: str) -> Conversation:
    """Raises NoSuchConversation."""
    ref = conversation_id.lower()
    found = (
        tx.first(Conversation, _CONVERSATION, workspace_id=scope.workspace_id, conversation_id=ref)
        if is_id(ref)
        else None
    )
    if found is None:
        raise NoSuchConversation
    return found


def find_standing(tx: Tx, scope: Scope, agent_id: str) -> Conversation | None:
    """The one conversation of the caller with this agent that is always there."""
    return tx.first(Conversation, _STANDING, workspace_id=scope.workspace_id, agent_id=agent_id, user_id=scope.actor.id)


def list_conversations(
    tx: Tx, scope: Scope, agent_ref: str | None, skip: int, limit: int
) -> tuple[list[Conversation], int]:
    """Those last changed first, with the total. Raises NoSuchAgent, NotInitialized."""
    found = _CONVERSATIONS
    if agent_ref is not None:
        found = found.where(Conversation.agent_id == get_agent(tx, scope, agent_ref).id)
    total = tx.scalar(sa.select(sa.func.count()).select_from(found.subquery()), workspace_id=scope.workspace_id)
    ordered = found.order_by(Conversation.updated_at.desc(), Conversation.id.desc()).offset(skip).limit(limit)
    return tx.all(Conversation, ordered, workspace_id=scope.workspace_id), total


def conversation_messages(tx: Tx, scope: Scope, conversation_id: str, after: int, limit: int) -> list[Message]:
    """Messages above `after`, in order. Raises NoSuchConversation."""
    conversation = get_conversation(tx, scope, conversation_id)
    return tx.all(Message, _LOG, conversation_id=conversation.id, after=after, most=limit)


def list_agent_messages(
    tx: Tx, scope: Scope, agent_ref: str, filters: dict[str, str], skip: int, limit: int
) -> tuple[list[Message], int]:
    """All that was said to an agent or by it, newest first, with the total.

    Filters: direction, conversation_id, correlation_id, and `unacked`: what may still be acknowledged.
    Raises NoSuchAgent, NotInitialized.
    """
    agent = get_agent(tx, scope, agent_ref)
    found = _MESSAGES.where(
        Message.agent_id == agent.id,
        *(MESSAGE_COLUMNS[name] == value for name, value in filters.items() if name in MESSAGE_COLUMNS),
    )
    if filters.get("unacked") == "true":
        found = found.where(Message.acked_at.is_(None), Message.ack_until > now())
    total = tx.scalar(sa.select(sa.func.count()).select_from(found.subquery()))
    return tx.all(Message, found.order_by(Message.id.desc()).offset(skip).limit(limit)), total


def history(tx: Tx, conversation_id: str, upto: int, limit: int) -> list[Message]:
    """The question with seq `upto` and at most `limit` messages before it, oldest first, each reply after its
    question: rows with id, direction and text. What was said later is not in it, whenever one asks.
    """
    rows = tx.all(Message, _HISTORY, conversation_id=conversation_id, upto=upto, most=limit + 1)
    return rows[::-1]


def documents_tagged(tx: Tx, scope: Scope, tags: Sequence[str]) -> tuple[str, ...]:
    """Ids of the workspace's documents that carry any of these tags; those of rooms are none."""
    listed = sa.type_coerce(Document.tags, sa.Text)
    found = (
        sa.select(Document.id)
        .where(
            Document.workspace_id == scope.workspace_id,
            Document.room_id.is_(None),
            sa.or_(*(listed.contains(dumps(tag), autoescape=True) for tag in tags)),
        )
        .order_by(Document.id.desc())
        .limit(MOST_TAGGED)
    )
    return tuple(row.id for row in tx.all(Document, found))
