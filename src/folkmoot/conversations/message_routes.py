"""Saying something to an agent over HTTP, the path that is walked most: its routes are lean."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from folkmoot.agents.queries import NoSuchAgent, NotInitialized
from folkmoot.agents.routes import AgentRef, enabled_agents
from folkmoot.agents.service import AgentsDisabled
from folkmoot.conversations import replies
from folkmoot.conversations.queries import NoSuchConversation
from folkmoot.conversations.replies import ReplyCancelled, ReplyFailed, ReplyTimedOut
from folkmoot.conversations.schemas import NewMessage, Reply, ReplyPending
from folkmoot.conversations.service import AgentOffline, ConversationBusy, NotThisAgents, Question
from folkmoot.http.lean import LeanRoute
from folkmoot.http.problems import problems
from folkmoot.http.sse import EventStream
from folkmoot.http.text import Line
from folkmoot.runs.deps import Engine
from folkmoot.runs.engine import TooManyLiveReplies
from folkmoot.runs.idempotency import KeyInUse, KeyReused, request_key
from folkmoot.workspaces.deps import Staying

IdempotencyKey = Annotated[
    Line | None, Header(description="The same key and body within 24 hours answer the same reply")
]

router = APIRouter(prefix="/api", tags=["conversations"], route_class=LeanRoute)
_PARTS = 'event: delta\ndata: {"text": "After a crash"}\n\nevent: done\ndata: {"response": "After a crash"}\n\n'


@router.post(
    "/agents/{agent_id}/message",
    response_model=Reply,
    dependencies=[Depends(enabled_agents)],
    responses={
        200: {"content": {"text/event-stream": {"example": _PARTS}}},
        202: {"model": ReplyPending, "description": "The reply is not there yet; its run goes on"},
        **problems(
            NoSuchAgent,
            NoSuchConversation,
            NotThisAgents,
            AgentOffline,
            ConversationBusy,
            KeyReused,
            KeyInUse,
            ReplyCancelled,
            ReplyFailed,
            NotInitialized,
            AgentsDisabled,
            TooManyLiveReplies,
            ReplyTimedOut,
        ),
    },
)
async def send_message(
    engine: Engine,
    stay: Staying,
    agent_id: AgentRef,
    new: NewMessage,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Say something to an agent; answers its reply, or with `stream` server-sent events of it being written."""
    route = f"POST /api/agents/{agent_id}/message"
    key = request_key(idempotency_key, route, new)
    question = Question(agent_ref=agent_id, new=new, key=key)
    if new.stream:
        return EventStream(await replies.stream(engine, stay.scope, question), engine.supervisor, stay.until_ended)
    return rendered(await replies.ask(engine, stay.scope, question))


def rendered(reply: Reply | ReplyPending) -> Response:
    """Written once, by the type that made it: a reply is the hot path."""
    is_there = isinstance(reply, Reply)
    headers = {} if is_there else {"Location": f"/api/runs/{reply.run_id}"}
    return Response(reply.model_dump_json(), 200 if is_there else 202, headers, "application/json")
