"""A receiver of webhooks that answers as it is told, and a postman whose clock only the test moves."""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from folkmoot.automation.postman import Postman
from folkmoot.automation.webhook_schemas import MadeWebhook, NewWebhook
from folkmoot.automation.webhooks import create_webhook
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import loads
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.net.client import GuardedClient
from folkmoot.net.resolving import Resolver
from folkmoot.providers.cipher import Cipher

CIPHER = Cipher([b"k" * 32])
NOTHING, RESET = 0, -1
"""Instead of a status: no answer at all, and a connection that is cut."""


@dataclass
class Receiver:
    """What it was sent, and with what it answers: each status once, then 200."""

    answers: deque[int] = field(default_factory=deque)
    seen: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    text: str = "thanks"
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.seen.append({name.lower(): value for name, value in request.headers.items()})
        self.bodies.append(await request.read())
        self.arrived.set()
        status = self.answers.popleft() if self.answers else 200
        if status == RESET:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if status == NOTHING:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        headers = {"Location": "/elsewhere"} if 300 <= status < 400 else {}
        return web.Response(status=status, text=self.text, headers=headers)

    @property
    def seqs(self) -> list[Any]:
        return [body["seq"] for raw in self.bodies if isinstance(body := loads(raw), dict)]


class Clock:
    """Stands still but for the test."""

    def __init__(self) -> None:
        self.at = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


class Sender:
    """One process's postman, which looks when the test says so."""

    def __init__(
        self, db: Database, clock: Clock, allowed: tuple[str, ...] = ("127.0.0.1",), resolver: Resolver | None = None
    ) -> None:
        self.db = db
        self.clock = clock
        self.supervisor = Supervisor()
        self.outgoing = GuardedClient(allowed, resolver=resolver)
        self.postman = Postman(db, self.supervisor, self.outgoing, CIPHER, clock)

    async def make(self, scope: Scope, url: str, *types: str, **more: Any) -> MadeWebhook:
        new = NewWebhook(name="Tickets", url=url, types=[*types] or ["*"], **more)
        made: MadeWebhook = await self.db.write(create_webhook, scope, CIPHER, self.outgoing, new)
        await self.look()
        return made

    async def look(self) -> None:
        await self.postman.look()
        await self.postman.rest()

    async def close(self) -> None:
        await self.supervisor.stop()
        await self.outgoing.aclose()

    def hasten(self, seconds: float) -> None:
        """Wait no longer than this for an answer."""
        self.postman.limits = replace(self.postman.limits, total=seconds)


def say(tx: Tx, scope: Scope, number: int, resource: str = "note") -> None:
    """So many events."""
    for _ in range(number):
        tx.emit(scope.workspace_id, ResourceChanged(resource=resource, id=new_id(), change="deleted", view=None))
