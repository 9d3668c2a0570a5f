"""The verbs of conversations: say something to an agent, keep its reply, title, delete."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal, Protocol, cast

import sqlalchemy as sa

from folkmoot.agents.queries import get_speaker
from folkmoot.agents.rules import AgentStatus
from folkmoot.agents.schemas import AgentConfig
from folkmoot.agents.tables import Agent
from folkmoot.agents.transitions import status_of
from folkmoot.audit.service import record
from folkmoot.conversations.events import AgentMessage
from folkmoot.conversations.material import Heard, material_for
from folkmoot.conversations.queries import (
    CONVERSATION_COLUMNS,
    IS_STANDING,
    MESSAGE_COLUMNS,
    find_standing,
    get_conversation,
)
from folkmoot.conversations.schemas import ConversationView, MessageView, NewMessage
from folkmoot.conversations.tables import Conversation, Message
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import iso
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.values import fixed
from folkmoot.knowledge.citing import CITED, cited_in
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.idempotency import RequestKey, recall, remember
from folkmoot.runs.queries import find_run_row, get_run
from folkmoot.runs.rules import RunStatus, WaitingFor
from folkmoot.runs.service import NewRun, release_run, start_run
from folkmoot.runs.tables import Run

REPLY = "reply"
REPLY_DEADLINE_SECONDS = 3600
_TITLE_LENGTH = 80

_INSERT_MESSAGE = sa.insert(Message)
_NO_CITED: JsonObject = {name: [] for name in CITED}
_TIMES_SHOWN = ("ack_until", "acked_at", "created_at")
_SHOWN = tuple(name for name in MessageView.model_fields if name not in (*CITED, *_TIMES_SHOWN))
_NO_MESSAGE: dict[str, object] = dict.fromkeys(MESSAGE_COLUMNS.keys())
_THIS = Conversation.id == sa.bindparam("this_conversation")
_AT = sa.bindparam("at", type_=CONVERSATION_COLUMNS.updated_at.type)

# The question's place in the order, and whether its run is the live one: whoever finds the conversation free is.
_TOOK_TURN = (Conversation.id, Conversation.last_seq, Conversation.live_run_id, Conversation.updated_at)
_TAKE_TURN = (
    sa.update(Conversation)
    .where(
        Conversation.workspace_id == sa.bindparam("this_workspace"),
        Conversation.agent_id == sa.bindparam("this_agent"),
    )
    .values(
        last_seq=Conversation.last_seq + 1,
        live_run_id=sa.func.coalesce(Conversation.live_run_id, sa.bindparam("run")),
        updated_at=_AT,
    )
    .returning(*_TOOK_TURN)
)
_TAKE_TURN_HERE = _TAKE_TURN.where(_THIS, Conversation.kind == "direct")
_TAKE_STANDING_TURN = _TAKE_TURN.where(Conversation.user_id == sa.bindparam("this_user"), IS_STANDING)
_OPEN = sa.insert(Conversation).returning(*_TOOK_TURN)
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
    .returning(*CONVERSATION_COLUMNS)
)
_RENAME = sa.update(Conversation).where(_THIS).values(title=sa.bindparam("new_title"), updated_at=_AT)
_DELETE = sa.delete(Conversation).where(_THIS)


class ConversationBusy(Conflict):
    """A reply is being written in this conversation"""


class NotThisAgents(Conflict):
    """The conversation is with another agent"""


class AgentOffline(Conflict):
    """The agent is offline"""


@fixed(kw_only=True)
class Question:
    """What is asked of whom; its run will be `run_id`, unless the client's key stands for an earlier one."""

    agent_ref: str
    new: NewMessage
    run_id: str = field(default_factory=new_id)
    key: RequestKey | None = None


@fixed(kw_only=True)
class Posted:
    """A question that is stored, and the run that replies to it."""

    run_id: str
    conversation_id: str
    message_id: str
    text: str
    agent_id: str
    agent_name: str
    agent_status: str


def post_message(tx: Tx, scope: Scope, engine: RunEngine, question: Question) -> Posted:
    """Store a question and start its reply, or let it wait behind the one that is being written.

    Raises NoSuchAgent, NotInitialized, NoSuchConversation, NotThisAgents, AgentOffline, ConversationBusy,
    KeyReused, TooManyLiveReplies.
    """
    agent = get_speaker(tx, scope, question.agent_ref)
    earlier = recall(tx, scope, question.key) if question.key else None
    if earlier is not None:
        run = get_run(tx, scope, earlier)
        return _posted(agent, question.new, run.id, run.input)
    if status_of(agent) == AgentStatus.OFFLINE:
        raise AgentOffline(agent_id=agent.id)
    engine.check_room()
    turn = _take_turn(tx, scope, agent, question)
    config = AgentConfig.model_validate(agent.config)
    asked: JsonObject = {
        "agent_id": agent.id,
        "conversation_id": turn.id,
        "message_id": new_id(),
        "reply_id": new_id(),
        "history_upto": turn.last_seq,
        "max_tokens": config.max_tokens,
        "is_streamed": question.new.stream,
    }
    say(tx, scope.workspace_id, turn, _asked_row(tx, scope, question, asked))
    if question.key:
        remember(tx, scope, question.key, question.run_id)
    is_free = turn.live_run_id == question.run_id
    if is_free:
        heard, material = _heard(engine), material_for(tx, agent, config, asked)
        tx.after(lambda: heard.keep(question.run_id, material))
    reply = NewRun(
        id=question.run_id,
        kind=REPLY,
        title=_first_line(question.new.message),
        input=asked,
        starts="here" if is_free else "conversation",
        conversation_id=turn.id,
        deadline_seconds=REPLY_DEADLINE_SECONDS,
        agents=((agent.id, "agent"),),
    )
    start_run(tx, engine, scope, reply)
    return _posted(agent, question.new, question.run_id, asked)


class _Replies(Protocol):
    heard: Heard


def _heard(engine: RunEngine) -> Heard:
    return cast("_Replies", engine.executor(REPLY)).heard


def _posted(agent: Agent, new: NewMessage, run_id: str, asked: JsonObject) -> Posted:
    return Posted(
        run_id=run_id,
        conversation_id=str(asked["conversation_id"]),
        message_id=str(asked["message_id"]),
        text=new.message,
        agent_id=agent.id,
        agent_name=agent.name,
        agent_status=status_of(agent),
    )


def _take_turn(tx: Tx, scope: Scope, agent: Agent, question: Question) -> Conversation:
    """The conversation a question belongs to, with its id, `last_seq` and `live_run_id` as they are now."""
    wanted = question.new.conversation_id
    if wanted == "new":
        return _open(tx, scope, agent, question)
    if question.new.on_busy == "reject":
        _refuse_if_busy(tx, scope, agent, wanted)
    values = {
        "this_workspace": scope.workspace_id,
        "this_agent": agent.id,
        "run": question.run_id,
        "at": tx.at,
    }
    if wanted is None:
        turn = tx.write_returning(Conversation, _TAKE_STANDING_TURN, this_user=scope.actor.id, **values)
    else:
        turn = tx.write_returning(Conversation, _TAKE_TURN_HERE, this_conversation=wanted.lower(), **values)
    if turn is not None:
        return turn
    tx.wrote = False  # it touched no row: what is raised now spoils no group
    if wanted is None:
        return _open(tx, scope, agent, question)
    raise NotThisAgents(conversation_id=get_conversation(tx, scope, wanted).id)


def _refuse_if_busy(tx: Tx, scope: Scope, agent: Agent, wanted: str | None) -> None:
    found = get_conversation(tx, scope, wanted) if wanted else find_standing(tx, scope, agent.id)
    if found is not None and found.live_run_id is not None:
        raise ConversationBusy(run_id=found.live_run_id)


def _open(tx: Tx, scope: Scope, agent: Agent, question: Question) -> Conversation:
    is_standing = question.new.conversation_id is None
    title = agent.name if is_standing else _first_line(question.new.message)
    given = {"title": title, "last_seq": 1, "live_run_id": question.run_id, "is_standing": is_standing}
    return open_conversation(tx, scope, agent, given)


def open_conversation(tx: Tx, scope: Scope, agent: Agent, given: Mapping[str, object]) -> Conversation:
    """The actor's new one with the agent, `given` its title and where it stands; with its id and where it stands."""
    row: dict[str, object] = {
        "id": new_id(),
        "workspace_id": scope.workspace_id,
        "project_id": agent.project_id,
        "kind": "direct",
        "agent_id": agent.id,
        "user_id": scope.actor.id,
        "created_at": tx.at,
        "updated_at": tx.at,
        **given,
    }
    opened = tx.write_returning(Conversation, _OPEN, **row)
    assert opened is not None
    tell_changed(tx, scope.workspace_id, ConversationView.model_validate(row, extra="ignore"), "created")
    return opened


def _asked_row(tx: Tx, scope: Scope, question: Question, asked: JsonObject) -> dict[str, object]:
    return message_row(
        tx,
        id=asked["message_id"],
        conversation_id=asked["conversation_id"],
        seq=asked["history_upto"],
        agent_id=asked["agent_id"],
        author_kind=scope.actor.kind,
        author_id=scope.actor.id,
        direction="inbound",
        text=question.new.message,
        run_id=question.run_id,
    )


def keep_reply(tx: Tx, engine: RunEngine, run: Run, result: JsonObject) -> None:
    """The run of a reply is over: store what it says, if it has said anything, and let the next one begin."""
    asked = run.input
    text = result.get("response")
    conversation_id = str(asked["conversation_id"])
    turn = tx.write_returning(
        Conversation,
        _GIVE_TURN,
        this_conversation=conversation_id,
        run=run.id,
        asked=asked["history_upto"],
        said=int(isinstance(text, str)),
        at=tx.at,
    )
    if turn is None:
        return
    if isinstance(text, str):
        said = message_row(
            tx,
            id=asked["reply_id"],
            conversation_id=conversation_id,
            seq=turn.last_seq,
            agent_id=asked["agent_id"],
            author_kind="agent",
            author_id=asked["agent_id"],
            direction="outbound",
            text=text,
            payload=_kept(result),
            run_id=run.id,
            reply_to=asked["message_id"],
            models=result.get("models"),
        )
        say(tx, run.workspace_id, turn, said)
    else:
        tell_changed(tx, run.workspace_id, conversation_view(turn), "updated")
    following = find_run_row(tx, turn.live_run_id) if turn.live_run_id else None
    if following is not None and following.waiting_for == WaitingFor.CONVERSATION:
        release_run(tx, engine, following)


def _kept(result: JsonObject) -> JsonObject | None:
    """What a reply has beside its text."""
    output: JsonObject = {"output": result["output"]} if "output" in result else {}
    return {**output, **cited_in(result)} or None


def message_row(tx: Tx, **said: object) -> dict[str, object]:
    return {**_NO_MESSAGE, "models": [], "created_at": tx.at, "updated_at": tx.at, **said}


def say(tx: Tx, workspace_id: str, turn: Conversation, row: dict[str, object]) -> None:
    """With what the message changes of its conversation."""
    tx.write(_INSERT_MESSAGE, row)
    view = shown(row)
    changes: JsonObject = {"id": turn.id, "last_seq": turn.last_seq, "live_run_id": turn.live_run_id}
    changes["updated_at"] = iso(turn.updated_at)
    said = AgentMessage(agent_id=str(row["agent_id"]), message=view, conversation=changes)
    run_id = row["run_id"]
    tx.emit(workspace_id, said, run_id=None if run_id is None else str(run_id))


def shown(row: Mapping[str, Any]) -> JsonObject:
    """As `message_view` shows it, in JSON: what that would check first was written here."""
    view: JsonObject = {name: row[name] for name in _SHOWN}
    for name in _TIMES_SHOWN:
        view[name] = iso(row[name]) if row[name] is not None else None
    view["payload"], cited = _apart(row["payload"], row["reply_to"], row["author_kind"])
    return {**view, **_NO_CITED, **cited}


def rename_conversation(tx: Tx, scope: Scope, conversation_id: str, title: str) -> ConversationView:
    """Raises NoSuchConversation."""
    conversation = get_conversation(tx, scope, conversation_id)
    tx.write(_RENAME, {"this_conversation": conversation.id, "new_title": title, "at": tx.at})
    view = conversation_view(get_conversation(tx, scope, conversation.id))
    tell_changed(tx, scope.workspace_id, view, "updated")
    record(tx, scope.actor, "rename_conversation", ("conversation", view.id), scope.workspace_id)
    return view


def delete_conversation(tx: Tx, scope: Scope, conversation_id: str) -> None:
    """With its messages. Raises NoSuchConversation, ConversationBusy."""
    conversation = get_conversation(tx, scope, conversation_id)
    if conversation.live_run_id is not None:
        raise ConversationBusy(run_id=conversation.live_run_id)
    tx.write(_DELETE, {"this_conversation": conversation.id})
    deleted = ResourceChanged(resource="conversation", id=conversation.id, change="deleted", view=None)
    tx.emit(scope.workspace_id, deleted, agent_id=conversation.agent_id)
    about = ("conversation", conversation.id)
    record(tx, scope.actor, "delete_conversation", about, scope.workspace_id, agent_id=conversation.agent_id)


def tell_changed(tx: Tx, workspace_id: str, view: ConversationView, change: Literal["created", "updated"]) -> None:
    shown: JsonObject = view.model_dump(mode="json")
    changed = ResourceChanged(resource="conversation", id=view.id, change=change, view=shown)
    tx.emit(workspace_id, changed, agent_id=view.agent_id)


def _first_line(text: str) -> str:
    line = " ".join(text.strip().split("\n", 1)[0].split())
    return line if len(line) <= _TITLE_LENGTH else f"{line[: _TITLE_LENGTH - 1]}…"


def conversation_view(conversation: Conversation) -> ConversationView:
    return ConversationView.model_validate(conversation, from_attributes=True)


def message_view(message: Message) -> MessageView:
    return with_cited(MessageView.model_validate(message, from_attributes=True))


def with_cited(view: MessageView) -> MessageView:
    """Of a reply, with what it cites, which is kept in its payload, in its place."""
    left, cited = _apart(view.payload, view.reply_to, view.author_kind)
    return MessageView.model_validate({**dict(view), **cited, "payload": left}) if cited else view


def _apart(
    payload: JsonObject | None, reply_to: str | None, author_kind: str
) -> tuple[JsonObject | None, dict[str, Json]]:
    """What a message's payload has beside what it cites, and what that is: only an agent's reply cites."""
    cited = cited_in(payload) if payload and reply_to is not None and author_kind == "agent" else {}
    if not payload or not cited:
        return payload, {}
    return {name: value for name, value in payload.items() if name not in CITED} or None, cited
