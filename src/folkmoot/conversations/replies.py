"""Waiting for a reply: as one answer, or as a stream of it being written."""

from collections.abc import AsyncGenerator

from folkmoot.conversations.schemas import Reply, ReplyPending, ReplyUsage
from folkmoot.conversations.service import Posted, Question, post_message
from folkmoot.http.sse import part
from folkmoot.kernel.errors import BadGateway, Conflict
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.citing import cited_in
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.live import Watcher
from folkmoot.runs.rules import FINAL, STANDING, RunStatus
from folkmoot.runs.tables import Run

WAIT_SECONDS = 300.0
"""How long a request waits for its reply; after it the run goes on without the request."""


class ReplyFailed(BadGateway):
    """The reply failed"""

    def __init__(self, code: str, sentence: str, run_id: str) -> None:
        super().__init__(sentence, run_id=run_id)
        vars(self)["code"] = code  # what went wrong is known by name


class ReplyTimedOut(BadGateway):
    """The reply ran out of time"""

    status = 504


class ReplyCancelled(Conflict):
    """The reply was cancelled"""


async def ask(engine: RunEngine, scope: Scope, question: Question) -> Reply | ReplyPending:
    """Say something to an agent and wait for its reply.

    Raises what `post_message` refuses, ReplyFailed, ReplyTimedOut, ReplyCancelled.
    """
    posted = await engine.database.write(post_message, scope, engine, question)
    run = await engine.wait(scope, posted.run_id, WAIT_SECONDS, until=STANDING)
    return answer_of(run, posted)


async def stream(engine: RunEngine, scope: Scope, question: Question) -> AsyncGenerator[bytes, None]:
    """As `ask`, as server-sent events. What refuses the question is raised here, before anything is sent."""
    parts = _parts(engine, scope, question)
    first = await anext(parts)

    async def whole() -> AsyncGenerator[bytes, None]:
        try:
            yield first
            async for following in parts:
                yield following
        finally:
            await parts.aclose()

    return whole()


async def _parts(engine: RunEngine, scope: Scope, question: Question) -> AsyncGenerator[bytes, None]:
    watcher = engine.live.watch(question.run_id)
    try:
        posted = await engine.database.write(post_message, scope, engine, question)
        started: JsonObject = {
            "run_id": posted.run_id,
            "conversation_id": posted.conversation_id,
            "message_id": posted.message_id,
        }
        with engine.waiting.of(posted.run_id) as waiter:
            yield part("started", dumps(started))
            if posted.run_id == question.run_id:  # else the client's key stands for an earlier reply
                async for shown in shown_parts(watcher):
                    yield shown
            run = waiter.run or await engine.wait(scope, posted.run_id, WAIT_SECONDS, until=STANDING)
        yield part("done", answer_of(run, posted).model_dump_json())
    finally:
        engine.live.leave(question.run_id, watcher)


async def shown_parts(watcher: Watcher) -> AsyncGenerator[bytes, None]:
    """Frames as parts. Text of an earlier call, before the tools it asked for, is no part of the reply."""
    call = None
    async for frame in watcher:
        if frame["type"] == "delta_reset" or call not in (None, frame["key"]):
            yield part("delta_reset", "{}")
        call = frame["key"]
        if frame["type"] == "delta":
            yield part("delta", dumps({"text": frame["text"]}))


def answer_of(run: Run, posted: Posted) -> Reply | ReplyPending:
    """Raises ReplyFailed, ReplyTimedOut, ReplyCancelled."""
    if run.status not in FINAL:
        return ReplyPending(
            run_id=run.id,
            status=run.status,
            waiting_for=run.waiting_for,
            agent_id=posted.agent_id,
            conversation_id=posted.conversation_id,
            message_id=posted.message_id,
        )
    match run.status:
        case RunStatus.COMPLETED:
            return _reply(run, posted)
        case RunStatus.CANCELLED:
            raise ReplyCancelled(run_id=run.id)
        case RunStatus.TIMEOUT:
            raise ReplyTimedOut(run_id=run.id)
        case _:
            raise ReplyFailed(run.error_code or "failed", run.error_message or "The reply failed", run.id)


def _reply(run: Run, posted: Posted) -> Reply:
    result = run.result or {}
    models = result.get("models")
    usage = ReplyUsage(
        input_tokens=run.input_tokens,
        output_tokens=run.output_tokens,
        cost_usd=None if run.cost is None else format(run.cost, "f"),
        model_calls=run.model_calls,
    )
    return Reply.model_validate(
        {
            "message": posted.text,
            "response": str(result.get("response", "")),
            **cited_in(result),
            "agent_id": posted.agent_id,
            "agent_name": posted.agent_name,
            "status": posted.agent_status,
            "conversation_id": posted.conversation_id,
            "message_id": posted.message_id,
            "reply_id": str(result.get("reply_id")),
            "run_id": run.id,
            "models": [str(name) for name in models] if isinstance(models, list) else [],
            "usage": usage,
        }
    )
