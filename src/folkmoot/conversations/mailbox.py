"""Agents' mailboxes: what other software, and other agents, put there for whoever takes it; nobody replies to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.agents.events import AgentActivity
from folkmoot.agents.queries import get_agent
from folkmoot.agents.tables import Agent
from folkmoot.conversations.events import AgentMessage
from folkmoot.conversations.queries import CONVERSATION_COLUMNS, MESSAGE_COLUMNS
from folkmoot.conversations.schemas import Acknowledgement, MessageView, NewPost
from folkmoot.conversations.tables import Conversation, Message
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Invalid, NotFound
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.runs.queries import get_run

MAILBOX = "mailbox"
_MAILBOXES = 100
_PRUNED = 500

_INSERT_MESSAGE = sa.insert(Message)
_INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(Conversation),
    "postgresql": postgresql.insert(Conversation),
}
_TAKE_PLACE = {
    dialect: insert.on_conflict_do_update(
        index_elements=["agent_id"],
        index_where=sa.text("kind = 'mailbox'"),
        set_={"last_seq": Conversation.last_seq + 1, "updated_at": insert.excluded.updated_at},
    ).returning(Conversation.id, Conversation.last_seq)
    for dialect, insert in _INSERTS.items()
}
_MESSAGES_OF = sa.select(*MESSAGE_COLUMNS).where(
    Message.agent_id == sa.bindparam("agent"),
    Message.id.in_(sa.bindparam("ids", expanding=True)),
    Message.deleted_at.is_(None),
)
_ACKNOWLEDGE = (
    sa.update(Message)
    .where(Message.id == sa.bindparam("this"), Message.acked_at.is_(None))
    .values(
        acked_at=sa.bindparam("at", type_=MESSAGE_COLUMNS.acked_at.type),
        updated_at=sa.bindparam("at", type_=MESSAGE_COLUMNS.acked_at.type),
    )
    .returning(*MESSAGE_COLUMNS)
)
_KEEP = sa.bindparam("keep", type_=sa.BigInteger())
_OVERFULL = (
    sa.select(Conversation.id, Conversation.workspace_id, Conversation.project_id, Conversation.last_seq)
    .where(
        sa.text("conversations.kind = 'mailbox'"),
        sa.exists().where(Message.conversation_id == Conversation.id, Message.seq <= Conversation.last_seq - _KEEP),
    )
    .limit(_MAILBOXES)
)
_OLDEST = (
    sa.select(Message.id)
    .where(Message.conversation_id == sa.bindparam("this_conversation"), Message.seq <= sa.bindparam("upto"))
    .order_by(Message.seq)
    .limit(_PRUNED)
)
_PRUNE = sa.delete(Message).where(Message.id.in_(_OLDEST))


class NoSuchMessage(NotFound):
    """Message not found"""


class NeedsNoAcknowledgement(Conflict):
    """Only what was put into the mailbox can be acknowledged"""


class ToItself(Invalid):
    """An agent does not write to itself"""


@dataclass(frozen=True, slots=True)
class MailboxRules:
    """AGENT_MESSAGE_ACK_WINDOW_SECONDS and AGENT_MESSAGE_RETENTION_LIMIT, and how the room of tasks looks one up.

    `check_task` raises what that room says of a task the workspace does not have.
    """

    ack_window_seconds: int = 3600
    retention_limit: int = 1000
    check_task: Callable[[Tx, Scope, str], object] = lambda tx, scope, task_id: None


def post(tx: Tx, scope: Scope, rules: MailboxRules, agent_ref: str, new: NewPost) -> MessageView:
    """The message as it stands in the agent's own mailbox.

    Raises NoSuchAgent, NotInitialized, ToItself, NoSuchRun, and what `check_task` raises.
    """
    agent = get_agent(tx, scope, agent_ref)
    receiver = None if new.to_agent_id is None else get_agent(tx, scope, str(new.to_agent_id))
    if receiver is not None and receiver.id == agent.id:
        raise ToItself
    if new.run_id is not None:
        get_run(tx, scope, new.run_id.lower())
    if new.task_id is not None:
        rules.check_task(tx, scope, new.task_id)
    told = _told(scope, agent, receiver, new)
    until = now() + timedelta(seconds=rules.ack_window_seconds)
    if receiver is None:
        return _put(tx, scope, agent, {**told, "direction": new.direction, "ack_until": until})
    # it is the receiver who takes it; both mailboxes are held in one order, whoever writes to whom
    copies = {agent.id: (agent, "outbound", None), receiver.id: (receiver, "inbound", until)}
    put = {}
    for id in sorted(copies):
        owner, direction, ack_until = copies[id]
        put[id] = _put(tx, scope, owner, {**told, "direction": direction, "ack_until": ack_until})
    return put[agent.id]


def _told(scope: Scope, agent: Agent, receiver: Agent | None, new: NewPost) -> dict[str, object]:
    """What is the same in every mailbox the message goes into."""
    is_the_agents = receiver is not None or new.direction == "outbound"
    return {
        "author_kind": "agent" if is_the_agents else scope.actor.kind,
        "author_id": agent.id if is_the_agents else scope.actor.id,
        "text": "",
        "payload": new.payload,
        "correlation_id": new.correlation_id,
        "task_id": None if new.task_id is None else new.task_id.lower(),
        "run_id": None if new.run_id is None else new.run_id.lower(),
        "to_agent_id": None if receiver is None else receiver.id,
    }


def _put(tx: Tx, scope: Scope, owner: Agent, told: dict[str, object]) -> MessageView:
    at = now()
    place = _take_place(tx, scope, owner)
    row = {
        **dict.fromkeys(MESSAGE_COLUMNS.keys()),
        "id": new_id(),
        "conversation_id": place.id,
        "seq": place.last_seq,
        "agent_id": owner.id,
        "models": [],
        "created_at": at,
        "updated_at": at,
        **told,
    }
    tx.write(_INSERT_MESSAGE, row)
    view = MessageView.model_validate(row, extra="ignore")
    message: JsonObject = view.model_dump(mode="json")
    activity = AgentActivity(
        agent_id=owner.id, action="message", direction=view.direction, correlation_id=view.correlation_id
    )
    # not tied to the run, which may have ended: its last event says so and stays the last
    tx.emit(scope.workspace_id, AgentMessage(agent_id=owner.id, message=message), task_id=view.task_id)
    tx.emit(scope.workspace_id, activity, task_id=view.task_id)
    return view


def _take_place(tx: Tx, scope: Scope, owner: Agent) -> Conversation:
    """The agent's mailbox, made with its first message, with its id and the `last_seq` that is the message's."""
    at = now()
    row = {
        **dict.fromkeys(CONVERSATION_COLUMNS.keys()),
        "id": new_id(),
        "workspace_id": scope.workspace_id,
        "project_id": owner.project_id,
        "kind": MAILBOX,
        "agent_id": owner.id,
        "title": owner.name,
        "last_seq": 1,
        "is_standing": False,
        "created_at": at,
        "updated_at": at,
    }
    taken = tx.write_returning(Conversation, _TAKE_PLACE[tx.dialect], **row)
    assert taken is not None, "an upsert always touches its row"
    return taken


def acknowledge(tx: Tx, scope: Scope, agent_ref: str, message_ids: Sequence[str]) -> Acknowledgement:
    """All or none are looked at. Raises NoSuchAgent, NotInitialized, NoSuchMessage, NeedsNoAcknowledgement."""
    agent = get_agent(tx, scope, agent_ref)
    ids = [*dict.fromkeys(id.lower() for id in message_ids)]
    found = {row.id: row for row in tx.all(Message, _MESSAGES_OF, agent=agent.id, ids=ids)}
    if len(found) < len(ids):
        raise NoSuchMessage
    at = now()
    acknowledged: list[str] = []
    expired: list[str] = []
    for message in (found[id] for id in ids):
        if message.ack_until is None:
            raise NeedsNoAcknowledgement
        is_late = message.acked_at is None and message.ack_until <= at
        (expired if is_late else acknowledged).append(message.id)
    for id in acknowledged:
        if found[id].acked_at is None:
            _acknowledge(tx, scope, agent, id)
    return Acknowledgement(acknowledged=acknowledged, expired=expired)


def _acknowledge(tx: Tx, scope: Scope, agent: Agent, message_id: str) -> None:
    taken = tx.write_returning(Message, _ACKNOWLEDGE, this=message_id, at=now())
    if taken is not None:
        view = MessageView.model_validate(taken, from_attributes=True).model_dump(mode="json")
        changed = ResourceChanged(resource="message", id=message_id, change="updated", view=view)
        tx.emit(scope.workspace_id, changed, agent_id=agent.id)


async def prune(db: Database, keep: int) -> None:
    """Of every mailbox only the newest `keep` messages stay."""
    while full := await db.read_long(_list_overfull, keep):
        for mailbox in full:
            scope = Scope(mailbox.workspace_id, mailbox.project_id, SYSTEM)
            while await db.write(_prune, scope, mailbox.id, mailbox.last_seq - keep) == _PRUNED:
                continue


def _list_overfull(tx: Tx, keep: int) -> list[Conversation]:
    return tx.all(Conversation, _OVERFULL, keep=keep)


def _prune(tx: Tx, scope: Scope, conversation_id: str, upto: int) -> int:
    return tx.write(_PRUNE, {"this_conversation": conversation_id, "upto": upto})
