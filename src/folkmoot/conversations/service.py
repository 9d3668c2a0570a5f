"""The verbs of conversations: say something to an agent, keep its reply, title, delete."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from folkmoot.agents.queries import get_agent
from folkmoot.agents.rules import AgentStatus, shown_status
from folkmoot.agents.schemas import AgentConfig
from folkmoot.agents.tables import Agent
from folkmoot.conversations.events import AgentMessage
from folkmoot.conversations.queries import (
    CONVERSATION_COLUMNS,
    MESSAGE_COLUMNS,
    find_standing,
    get_conversation,
)
from folkmoot.conversations.schemas import ConversationView, MessageView, NewMessage
from folkmoot.conversations.tables import Conversation, Message
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.queries import find_run_row
from folkmoot.runs.rules import RunStatus, WaitingFor
from folkmoot.runs.service import NewRun, release_run, start_run
from folkmoot.runs.tables import Run

REPLY = "reply"
REPLY_DEADLINE_SECONDS = 3600
_TITLE_LENGTH = 80

_INSERT_CONVERSATION = sa.insert(Conversation)
_INSERT_MESSAGE = sa.insert(Message)
_THIS = Conversation.id == sa.bindparam("this_conversation")
_AT = sa.bindparam("at", type_=CONVERSATION_COLUMNS.updated_at.type)

# The question's place in the order, and whether its run is the live one: whoever finds the conversation free is.
_TAKE_TURN = (
    sa.update(Conversation)
    .where(_THIS)
    .values(
        last_seq=Conversation.last_seq + 1,
        live_run_id=sa.func.coalesce(Conversation.live_run_id, sa.bindparam("run")),
        updated_at=_AT,
    )
    .returning(Conversation.last_seq, Conversation.live_run_id)
)
_NEXT_RUN = (
    sa.select(Message.run_id)
    .join(Run, Run.id == Message.run_id)
    .where(
        Message.conversation_id == sa.bindparam("this_conversation"),
        Message.seq > sa.bindparam("asked"),
        Message.direction == "inbound",
        Run.status == RunStatus.PENDING,
        Run.waiting_for == WaitingFor.CONVERSATION,
    )
    .order_by(Message.seq)
    .limit(1)
    .scalar_subquery()
)
_GIVE_TURN = (
    sa.update(Conversation)
    .where(_THIS)
    .values(
        last_seq=Conversation.last_seq + sa.bindparam("said"),
        live_run_id=sa.case(
            (Conversation.live_run_id == sa.bindparam("run"), _NEXT_RUN), else_=Conversation.live_run_id
        ),
        updated_at=_AT,
    )
    .returning(Conversation.last_seq, Conversation.live_run_id)
)
_RENAME = sa.update(Conversation).where(_THIS).values(title=sa.bindparam("new_title"), updated_at=_AT)
_DELETE = sa.delete(Conversation).where(_THIS)


class ConversationBusy(Conflict):
    """A reply is being written in this conversation"""


class NotThisAgents(Conflict):
    """The conversation is with another agent"""


class AgentOffline(Conflict):
    """The agent is offline"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A question that is stored, and the run that replies to it."""

    run_id: str
    conversation_id: str
    message_id: str
    text: str
    agent_id: str
    agent_name: str
    agent_status: str


def post_message(tx: Tx, scope: Scope, engine: RunEngine, agent_ref: str, new: NewMessage, run_id: str) -> Posted:
    """Store a question and start its reply, or let it wait behind the one that is being written.

    Raises NoSuchAgent, NotInitialized, NoSuchConversation, NotThisAgents, AgentOffline, ConversationBusy,
    TooManyLiveReplies.
    """
    agent = get_agent(tx, scope, agent_ref)
    if agent.status == AgentStatus.OFFLINE:
        raise AgentOffline(agent_id=agent.id)
    engine.check_room()
    conversation = _find(tx, scope, agent, new)
    if conversation is not None and new.on_busy == "reject" and conversation.live_run_id is not None:
        raise ConversationBusy(run_id=conversation.live_run_id)
    at = now()
    conversation_id = conversation.id if conversation else _open(tx, scope, agent, new, at)
    turn = tx.write_returning(Conversation, _TAKE_TURN, this_conversation=conversation_id, run=run_id, at=at)
    assert turn is not None, "it was found or made in this unit"
    message_id = new_id()
    question: JsonObject = {
        "agent_id": agent.id,
        "conversation_id": conversation_id,
        "message_id": message_id,
        "reply_id": new_id(),
        "history_upto": turn.last_seq,
        "max_tokens": AgentConfig.model_validate(agent.config).max_tokens,
        "is_streamed": new.stream,
    }
    said = _row(
        id=message_id,
        conversation_id=conversation_id,
        seq=turn.last_seq,
        agent_id=agent.id,
        author_kind=scope.actor.kind,
        author_id=scope.actor.id,
        direction="inbound",
        text=new.message,
        run_id=run_id,
    )
    _say(tx, scope.workspace_id, said)
    start_run(
        tx,
        engine,
        scope,
        NewRun(
            id=run_id,
            kind=REPLY,
            title=_first_line(new.message),
            input=question,
            starts="here" if turn.live_run_id == run_id else "conversation",
            conversation_id=conversation_id,
            deadline_seconds=REPLY_DEADLINE_SECONDS,
            agents=((agent.id, "agent"),),
        ),
    )
    return Posted(
        run_id=run_id,
        conversation_id=conversation_id,
        message_id=message_id,
        text=new.message,
        agent_id=agent.id,
        agent_name=agent.name,
        agent_status=shown_status(agent.status, agent.running_runs),
    )


def _find(tx: Tx, scope: Scope, agent: Agent, new: NewMessage) -> Conversation | None:
    """The conversation a message belongs to, None where it has to be opened."""
    if new.conversation_id is None:
        return find_standing(tx, scope, agent.id)
    if new.conversation_id == "new":
        return None
    conversation = get_conversation(tx, scope, new.conversation_id)
    if conversation.agent_id != agent.id:
        raise NotThisAgents(conversation_id=conversation.id)
    return conversation


def _open(tx: Tx, scope: Scope, agent: Agent, new: NewMessage, at: datetime) -> str:
    is_standing = new.conversation_id is None
    row: dict[str, object] = {
        "id": new_id(),
        "workspace_id": scope.workspace_id,
        "project_id": agent.project_id,
        "kind": "direct",
        "agent_id": agent.id,
        "user_id": scope.actor.id,
        "title": agent.name if is_standing else _first_line(new.message),
        "last_seq": 0,
        "live_run_id": None,
        "is_standing": is_standing,
        "created_at": at,
        "updated_at": at,
    }
    tx.write(_INSERT_CONVERSATION, row)
    _changed(tx, scope, ConversationView.model_validate(row, extra="ignore"), "created")
    return str(row["id"])


def keep_reply(tx: Tx, engine: RunEngine, run: Run, result: JsonObject | None) -> None:
    """The run of a reply is over: store what it says, if it has said anything, and let the next one begin."""
    asked = run.input
    text = result.get("response") if result else None
    conversation_id = str(asked["conversation_id"])
    turn = tx.write_returning(
        Conversation,
        _GIVE_TURN,
        this_conversation=conversation_id,
        run=run.id,
        asked=asked["history_upto"],
        said=int(isinstance(text, str)),
        at=now(),
    )
    if turn is None:
        return
    if isinstance(text, str) and result:
        said = _row(
            id=asked["reply_id"],
            conversation_id=conversation_id,
            seq=turn.last_seq,
            agent_id=asked["agent_id"],
            author_kind="agent",
            author_id=asked["agent_id"],
            direction="outbound",
            text=text,
            payload={"output": result["output"]} if "output" in result else None,
            run_id=run.id,
            reply_to=asked["message_id"],
            models=result.get("models"),
        )
        _say(tx, run.workspace_id, said)
    following = find_run_row(tx, turn.live_run_id) if turn.live_run_id else None
    if following is not None and following.waiting_for == WaitingFor.CONVERSATION:
        release_run(tx, engine, following)


def _row(**said: object) -> dict[str, object]:
    at = now()
    return {**dict.fromkeys(MESSAGE_COLUMNS.keys()), "models": [], "created_at": at, "updated_at": at, **said}


def _say(tx: Tx, workspace_id: str, row: dict[str, object]) -> None:
    tx.write(_INSERT_MESSAGE, row)
    view: JsonObject = MessageView.model_validate(row, extra="ignore").model_dump(mode="json")
    tx.emit(workspace_id, AgentMessage(agent_id=str(row["agent_id"]), message=view), run_id=str(row["run_id"]))


def rename_conversation(tx: Tx, scope: Scope, conversation_id: str, title: str) -> ConversationView:
    """Raises NoSuchConversation."""
    conversation = get_conversation(tx, scope, conversation_id)
    tx.write(_RENAME, {"this_conversation": conversation.id, "new_title": title, "at": now()})
    view = conversation_view(get_conversation(tx, scope, conversation.id))
    _changed(tx, scope, view, "updated")
    return view


def delete_conversation(tx: Tx, scope: Scope, conversation_id: str) -> None:
    """With its messages. Raises NoSuchConversation, ConversationBusy."""
    conversation = get_conversation(tx, scope, conversation_id)
    if conversation.live_run_id is not None:
        raise ConversationBusy(run_id=conversation.live_run_id)
    tx.write(_DELETE, {"this_conversation": conversation.id})
    deleted = ResourceChanged(resource="conversation", id=conversation.id, change="deleted", view=None)
    tx.emit(scope.workspace_id, deleted, agent_id=conversation.agent_id)


def _changed(tx: Tx, scope: Scope, view: ConversationView, change: Literal["created", "updated"]) -> None:
    shown: JsonObject = view.model_dump(mode="json")
    changed = ResourceChanged(resource="conversation", id=view.id, change=change, view=shown)
    tx.emit(scope.workspace_id, changed, agent_id=view.agent_id)


def _first_line(text: str) -> str:
    line = " ".join(text.strip().split("\n", 1)[0].split())
    return line if len(line) <= _TITLE_LENGTH else f"{line[: _TITLE_LENGTH - 1]}…"


def conversation_view(conversation: Conversation) -> ConversationView:
    return ConversationView.model_validate(conversation, from_attributes=True)


def message_view(message: Message) -> MessageView:
    return MessageView.model_validate(message, from_attributes=True)
