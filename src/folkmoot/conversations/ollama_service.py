"""Keeping a chat with Ollama: both of its messages in the standing conversation with an agent, and what it has used."""

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from folkmoot.agents.queries import find_speaker, get_speaker
from folkmoot.agents.tables import Agent
from folkmoot.conversations.queries import CONVERSATION_COLUMNS, IS_STANDING, find_standing
from folkmoot.conversations.service import message_row, open_conversation, say
from folkmoot.conversations.tables import Conversation
from folkmoot.db.tx import Tx
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.cited import cited
from folkmoot.llm.gateway import Answer
from folkmoot.llm.messages import Usage
from folkmoot.usage.service import Spender, record

KIND = "ollama_chat"

_AT = sa.bindparam("at", type_=CONVERSATION_COLUMNS.updated_at.type)
_MAKE_ROOM = (
    sa.update(Conversation)
    .where(
        Conversation.workspace_id == sa.bindparam("this_workspace"),
        Conversation.agent_id == sa.bindparam("this_agent"),
        Conversation.user_id == sa.bindparam("this_user"),
        IS_STANDING,
    )
    .values(last_seq=Conversation.last_seq + 2, updated_at=_AT)
    .returning(*CONVERSATION_COLUMNS)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """What is said, to be kept as `message_id` where there is an agent to keep it with."""

    message: str
    agent_id: str | None = None
    conversation_id: str | None = None
    message_id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where it is kept, if it is, and since when; with what the answer cites."""

    conversation_id: str | None
    at: datetime
    cited: JsonObject


def begin(tx: Tx, scope: Scope, message: str, agent_ref: str | None) -> Chat:
    """Who the agent is, and the standing conversation where there is one. Raises NoSuchAgent, NotInitialized."""
    if agent_ref is None:
        return Chat(message=message)
    agent = get_speaker(tx, scope, agent_ref)
    standing = find_standing(tx, scope, agent.id)
    return Chat(message=message, agent_id=agent.id, conversation_id=standing.id if standing else None)


def keep(tx: Tx, scope: Scope, chat: Chat, answer: Answer) -> Kept:
    """Both messages and the usage together; the usage alone where the agent has gone meanwhile."""
    at = tx.at
    meter(tx, scope, chat, answer.usage)
    found = cited(tx, scope, answer.text)
    agent = find_speaker(tx, scope, chat.agent_id) if chat.agent_id else None
    if agent is None:
        return Kept(None, at, found)
    turn = _room_for_two(tx, scope, agent)
    asked = message_row(
        tx,
        id=chat.message_id,
        conversation_id=turn.id,
        seq=turn.last_seq - 1,
        agent_id=agent.id,
        author_kind=scope.actor.kind,
        author_id=scope.actor.id,
        direction="inbound",
        text=chat.message,
    )
    said = message_row(
        tx,
        id=new_id(),
        conversation_id=turn.id,
        seq=turn.last_seq,
        agent_id=agent.id,
        author_kind="agent",
        author_id=agent.id,
        direction="outbound",
        text=answer.text,
        payload=found or None,
        reply_to=chat.message_id,
        models=[*answer.models],
    )
    say(tx, scope.workspace_id, turn, asked)
    say(tx, scope.workspace_id, turn, said)
    return Kept(turn.id, at, found)


def meter(tx: Tx, scope: Scope, chat: Chat, usage: Usage) -> None:
    spender = Spender(workspace_id=scope.workspace_id, project_id=scope.project_id, kind=KIND, agent_id=chat.agent_id)
    record(tx, spender, usage)


def _room_for_two(tx: Tx, scope: Scope, agent: Agent) -> Conversation:
    """The standing conversation, its `last_seq` two further on."""
    here = {"this_workspace": scope.workspace_id, "this_agent": agent.id, "this_user": scope.actor.id}
    turn = tx.write_returning(Conversation, _MAKE_ROOM, **here, at=tx.at)
    if turn is not None:
        return turn
    given = {"title": agent.name, "last_seq": 2, "live_run_id": None, "is_standing": True}
    return open_conversation(tx, scope, agent, given)
