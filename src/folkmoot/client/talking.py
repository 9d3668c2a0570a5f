"""A message whose reply is watched while it is written, and that is said once however often the line is cut."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from folkmoot.client.faults import ApiProblem, Unreachable
from folkmoot.client.following import follow_run, is_passing
from folkmoot.client.items import Delta, DeltaReset, Event, Started
from folkmoot.client.resources.conversations import Reply, ReplyPending
from folkmoot.client.session import TRIES, Session, delay_seconds
from folkmoot.client.sse import Part
from folkmoot.client.wire import Answer, Call, nothing, one, path
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import dumps

_STANDING = frozenset({"paused", "awaiting_approval"})


@dataclass
class _Talk:
    """What is known of the reply so far."""

    session: Session
    call: Call[None]
    started: Started | None = None
    reply: Reply | ReplyPending | None = None
    tries: int = 0

    def take(self, part: Part) -> Started | Delta | DeltaReset | Reply | ReplyPending | None:
        match part.event:
            case "started" if self.started is None:
                self.started = Started(*(str(part.data.get(name)) for name in Started.__slots__))
                return self.started
            case "delta":
                return Delta(str(part.data.get("text", "")))
            case "delta_reset":
                return DeltaReset()
            case "done":
                answer = Answer(200, {}, dumps(part.data).encode())
                self.reply = one(Reply)(answer) if "reply_id" in part.data else one(ReplyPending)(answer)
                return self.reply
            case _:
                return None

    async def say(self) -> AsyncGenerator[Started | Delta | DeltaReset | Reply | ReplyPending, None]:
        """One connection's worth. The key makes it the same message every time."""
        async with self.session.stream(self.call) as parts:
            assert parts is not None, "a message is always answered"
            async for part in parts:
                self.tries = 0
                item = self.take(part)
                if item is not None:
                    yield item

    async def watch(self, run_id: str) -> AsyncGenerator[Delta | DeltaReset, None]:
        """The reply's own run, until it ends or stands still. Text before the tools it asked for is no part of it."""
        key = None
        yield DeltaReset()
        async with aclosing(follow_run(self.session, run_id)) as items:
            async for item in items:
                if isinstance(item, Event) and item.data.get("status") in _STANDING:
                    return
                if isinstance(item, Delta):
                    if key not in (None, item.key):
                        yield DeltaReset()
                    key = item.key
                    yield Delta(item.text)
                elif isinstance(item, DeltaReset):
                    yield DeltaReset()

    async def pause(self, fault: Unreachable | ApiProblem | None) -> None:
        """Before it is said again. Raises the fault where that is no use."""
        self.tries += 1
        if isinstance(fault, ApiProblem) and (not is_passing(fault) or self.started is not None):
            raise fault
        if self.tries >= TRIES:
            raise fault or Unreachable("The stream of the reply ended early", was_sent=True)
        wait = fault.retry_after_seconds if isinstance(fault, ApiProblem) else None
        await self.session.transport.sleep(max(wait or 0.0, delay_seconds(self.tries)))


async def stream_message(
    session: Session,
    agent_id: str | int,
    message: str,
    *,
    conversation_id: str | None = None,
    on_busy: str | None = None,
    idempotency_key: str | None = None,
) -> AsyncGenerator[Started | Delta | DeltaReset | Reply | ReplyPending, None]:
    """Say something to an agent: Started, then the text as it is written, at last the reply with all of it.

    A cut line is taken up again at the reply's run, and the message is never said twice. Raises what
    `send_message` raises.
    """
    body = {"message": message, "conversation_id": conversation_id, "on_busy": on_busy, "stream": True}
    where = path("/api/agents/{agent_id}/message", agent_id=agent_id)
    talk = _Talk(session, Call("POST", where, nothing, body=body, takes_key=True, key=idempotency_key or new_id()))
    while talk.reply is None:
        fault: Unreachable | ApiProblem | None = None
        try:
            async with aclosing(talk.say()) as items:
                async for item in items:
                    yield item
        except (Unreachable, ApiProblem) as caught:
            fault = caught
        if talk.reply is None:
            await talk.pause(fault)
            if talk.started is not None:
                async with aclosing(talk.watch(talk.started.run_id)) as shown:
                    async for piece in shown:
                        yield piece
