"""Calls made over a transport, and made again where that is safe: written once for both clients."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from folkmoot.client.faults import ApiProblem, Unreachable, problem_of
from folkmoot.client.sse import Part, Parts
from folkmoot.client.transport import Transport
from folkmoot.client.wire import HEARTBEATS_SECONDS, Answer, Call, json_object, problem_in
from folkmoot.kernel.ids import is_id, new_id

TRIES = 5
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 10.0
LONGEST_RETRY_AFTER_SECONDS = 30.0
_IDEMPOTENT = frozenset({"GET", "PUT", "DELETE"})

T = TypeVar("T")


def delay_seconds(tries: int) -> float:
    """Twice as long each time, and never the same for two clients that lost the same server."""
    return random.uniform(0.5, 1.0) * min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(tries, 10))  # noqa: S311 no secret


def headers_of(api_key: str | None, workspace: str | None) -> dict[str, str]:
    """How a client names itself and its workspace, which is an id or a slug."""
    key = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    if workspace is None:
        return key
    return key | {"X-Workspace-Id" if is_id(workspace) else "X-Workspace-Slug": workspace}


@dataclass(frozen=True, slots=True)
class Session:
    """A client's transport with what goes into the headers of each of its calls."""

    transport: Transport
    headers: Mapping[str, str]

    async def call(self, call: Call[T]) -> T:
        """The call's result. Raises ApiProblem, Unreachable.

        Made again after a lost connection and where the server asks for it (503, 429 with Retry-After): what is
        idempotent, what starts work (by its Idempotency-Key), and whatever cannot have arrived.
        """
        key = (call.key or new_id()) if call.takes_key else None
        request = call.request(self.headers, key)
        is_repeatable = call.method in _IDEMPOTENT or key is not None
        was_lost = False
        for tries in range(TRIES):
            is_last = tries == TRIES - 1
            try:
                answer = await self.transport.send(request)
            except Unreachable as fault:
                if is_last or self.transport.is_closed or (fault.was_sent and not is_repeatable):
                    raise
                was_lost |= fault.was_sent
                await self.transport.sleep(delay_seconds(tries))
                continue
            if answer.is_success or (was_lost and _is_gone(call.method, answer)):
                return call.read(answer)
            problem = problem_in(answer)
            wait = _wait_seconds(problem, tries)
            if is_last or not is_repeatable or wait is None:
                raise problem
            await self.transport.sleep(wait)
        raise AssertionError("the last try returns or raises")

    @asynccontextmanager
    async def stream(self, call: Call[None], after: str | None = None) -> AsyncIterator[AsyncIterator[Part] | None]:
        """One connection's worth of server-sent events behind `after`; None where there is nothing more to tell.

        Made once. Raises ApiProblem, also for an event `problem`; Unreachable.
        """
        cursor = {} if after is None else {"Last-Event-ID": after}
        headers = {**self.headers, "Accept": "text/event-stream", **cursor}
        request = call.request(headers, call.key)._replace(seconds=HEARTBEATS_SECONDS)
        async with self.transport.open(request) as stream:
            if stream.head.status == 204:
                yield None
            elif stream.head.status == 200:
                yield self._parts(stream.chunks)
            else:
                raise problem_in(stream.head)

    async def _parts(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[Part]:
        parts = Parts()
        async for chunk in chunks:
            if self.transport.is_closed:
                return
            for part in parts.feed(chunk):
                if part.event == "problem":
                    status = part.data.get("status")
                    raise problem_of(status if isinstance(status, int) else 500, part.data)
                yield part


def _is_gone(method: str, answer: Answer) -> bool:
    """Deleted by the call whose answer was lost."""
    return method == "DELETE" and answer.status == 404 and bool(json_object(answer.body))


def _wait_seconds(problem: ApiProblem, tries: int) -> float | None:
    """How long to wait before the same call; None where it would be answered the same."""
    if problem.code == "key_in_use":  # the first sending of this very call is being carried out
        return delay_seconds(tries)
    after = problem.retry_after_seconds
    if problem.status not in (429, 503) or after is None or after > LONGEST_RETRY_AFTER_SECONDS:
        return None
    return after
