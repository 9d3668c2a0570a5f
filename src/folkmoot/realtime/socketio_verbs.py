"""What a client of Socket.IO may ask for. Each begins something and answers at once; what comes of it the log tells."""

from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from folkmoot.agents.queries import get_agent
from folkmoot.agents.rules import AgentStatus
from folkmoot.agents.transitions import status_of
from folkmoot.conversations.schemas import NewMessage
from folkmoot.conversations.service import Question, post_message
from folkmoot.db.tx import Tx
from folkmoot.events.facts import WorkflowUpdate
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Role, Scope
from folkmoot.realtime import frames
from folkmoot.realtime.socketio_channels import Subscriptions
from folkmoot.realtime.socketio_client import Client
from folkmoot.realtime.socketio_protocol import Named, agent_status
from folkmoot.rooms.presence import check_may_speak

Verb = Callable[[Client, Subscriptions, BaseModel], Awaitable[JsonObject]]


async def send_message(client: Client, channels: Subscriptions, said: BaseModel) -> JsonObject:
    """Raises what `post_message` refuses, RoleTooLow."""
    assert isinstance(said, frames.SendMessage)
    await client.require(Role.MEMBER)
    new = NewMessage(message=said.message, conversation_id=said.conversation_id)
    question = Question(agent_ref=str(said.agent_id), new=new)
    client.expect(question.run_id)
    try:
        posted = await client.ground.db.write(post_message, client.scope, client.ground.engine, question)
    except BaseException:
        client.asked.pop(question.run_id, None)
        raise
    return {
        "run_id": posted.run_id,
        "conversation_id": posted.conversation_id,
        "message_id": posted.message_id,
        "agent_uuid": posted.agent_id,
    }


async def request_status(client: Client, channels: Subscriptions, said: BaseModel) -> JsonObject:
    """Told to the asker only. Raises NoSuchAgent, NotInitialized."""
    assert isinstance(said, frames.AgentStatusRequest)
    named, status = await client.ground.db.read(_status, client.scope, str(said.agent_id))
    answer = agent_status(named, status)
    await client.session.emit("agent_status", answer)
    return answer


def _status(tx: Tx, scope: Scope, ref: str) -> tuple[Named, AgentStatus | str]:
    agent = get_agent(tx, scope, ref)
    return Named(agent.id, agent.number, agent.name), status_of(agent)


async def note_workflow(client: Client, channels: Subscriptions, said: BaseModel) -> JsonObject:
    """Raises RoleTooLow."""
    assert isinstance(said, frames.WorkflowUpdate)
    await client.require(Role.MEMBER)
    noted = WorkflowUpdate(workflow_id=str(said.workflow_id), status=said.status, message=said.message)
    await client.ground.db.write(_note, client.scope, noted)
    return {}


def _note(tx: Tx, scope: Scope, noted: WorkflowUpdate) -> None:
    tx.emit(scope.workspace_id, noted)


async def join_room(client: Client, channels: Subscriptions, said: BaseModel) -> JsonObject:
    """Raises NoSuchRoom, also for who is not in it, and what a cursor is refused for."""
    assert isinstance(said, frames.JoinRoom)
    return {"subscribed": [*await channels.subscribe([f"room:{said.room_id.strip()}"], said.after)]}


async def type_in_room(client: Client, channels: Subscriptions, said: BaseModel) -> JsonObject:
    """Raises NoSuchRoom, RoleTooLow, RoomRoleTooLow."""
    assert isinstance(said, frames.TypingIn)
    await client.require(Role.MEMBER)
    channels.rooms.type(await client.ground.db.read(check_may_speak, client.scope, said.room_id))
    return {}


async def subscribe(client: Client, channels: Subscriptions, said: BaseModel) -> JsonObject:
    """Raises what a channel or cursor is refused for."""
    assert isinstance(said, frames.Subscribe)
    return {"subscribed": [*await channels.subscribe(said.channels, said.after)]}


async def unsubscribe(client: Client, channels: Subscriptions, said: BaseModel) -> JsonObject:
    assert isinstance(said, frames.Unsubscribe)
    channels.unsubscribe(said.channels)
    return {}


VERBS: dict[str, tuple[type[BaseModel], Verb]] = {
    "send_message": (frames.SendMessage, send_message),
    "agent_status_request": (frames.AgentStatusRequest, request_status),
    "workflow_update": (frames.WorkflowUpdate, note_workflow),
    "join_room": (frames.JoinRoom, join_room),
    "typing": (frames.TypingIn, type_in_room),
    "subscribe": (frames.Subscribe, subscribe),
    "unsubscribe": (frames.Unsubscribe, unsubscribe),
}
"""By the name of the event that asks for it, with what it must bring."""
