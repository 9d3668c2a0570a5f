"""The postman: carries deliveries to their webhooks, signed, through the guarded client, in one process at a time."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from folkmoot.automation import deliveries, queries
from folkmoot.automation.deliveries import Outcome, Parcel
from folkmoot.automation.rules import printable, signature
from folkmoot.automation.tables import WebhookDelivery
from folkmoot.automation.webhooks import forget_secrets
from folkmoot.db.database import Database
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.net.calls import Call, Limits
from folkmoot.net.client import GuardedClient
from folkmoot.providers.cipher import Cipher

_LIMITS = Limits(connect=10.0, total=10.0, body_bytes=1_000_000, redirects=0)
_KEPT_BYTES = 1024
_AT_ONCE = 50


class Postman:
    """Looks what the log has for webhooks and who is due; at most one call at a time for each webhook."""

    def __init__(
        self,
        db: Database,
        supervisor: Supervisor,
        outgoing: GuardedClient,
        cipher: Cipher,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._db = db
        self._supervisor = supervisor
        self._outgoing = outgoing
        self._clock = clock
        self._busy: dict[str, asyncio.Task[None]] = {}
        self.cipher = cipher
        self.limits = _LIMITS

    async def look(self) -> None:
        """Begin to send what is due or new; one task for each webhook. Raises DatabaseUnavailable."""
        found = [*await self._db.read(queries.behind), *await self._db.read(queries.ready, self._clock())]
        for webhook in found:
            if webhook.id not in self._busy and len(self._busy) < _AT_ONCE:
                work = self._carry(_scope(webhook.workspace_id), webhook.id)
                task = self._busy[webhook.id] = self._supervisor.start(work, f"deliver to webhook {webhook.id}")
                task.add_done_callback(partial(self._forget, webhook.id))

    def _forget(self, webhook_id: str, _: object) -> None:
        del self._busy[webhook_id]

    async def rest(self) -> None:
        """Until nothing that was begun is under way."""
        while self._busy:
            await asyncio.wait(tuple(self._busy.values()))

    async def ping(self, scope: Scope, webhook_id: str) -> WebhookDelivery:
        """One call, now: answers what came of it. Raises NoSuchWebhook."""
        parcel = await self._db.write(deliveries.begin_ping, scope, self.cipher, webhook_id, self._clock())
        return await self._by_hand(scope, parcel)

    async def redeliver(self, scope: Scope, webhook_id: str, delivery_id: str) -> WebhookDelivery:
        """As `ping`, with a delivery that is done with. Raises NoSuchWebhook, NoSuchDelivery, DeliveryPending."""
        parcel = await self._db.write(deliveries.begin_again, scope, self.cipher, webhook_id, delivery_id)
        return await self._by_hand(scope, parcel)

    async def prune(self, kept: timedelta) -> None:
        """Forget deliveries that were done with so long ago, and secrets that nothing is signed with any more."""
        await self._db.write(forget_secrets)
        while await self._db.write(deliveries.prune_some, self._clock() - kept):
            continue

    async def _by_hand(self, scope: Scope, parcel: Parcel) -> WebhookDelivery:
        outcome = await self.send(parcel)
        return await self._db.write(deliveries.settle_by_hand, scope, parcel, outcome, self._clock())

    async def _carry(self, there: Scope, webhook_id: str) -> None:
        """One after the other, as long as one is due; where the database is gone the leases bring them back."""
        while await self._db.write(deliveries.collect, there, webhook_id, self._clock()):
            continue
        goes_on = True
        while goes_on:
            parcel = await self._db.write(deliveries.take_next, there, self.cipher, webhook_id, self._clock())
            if parcel is None:
                return
            outcome = await self.send(parcel)
            jitter = random.random()  # noqa: S311 spreads calls, keeps no secret
            goes_on = await self._db.write(deliveries.settle, there, parcel, outcome, self._clock(), jitter)

    async def send(self, parcel: Parcel) -> Outcome:
        """Make the call. What is wrong with it is an outcome, not an error."""
        if parcel.secret is None:
            return Outcome(error="Its secret is gone or cannot be read; rotate it")
        status, kept = None, bytearray()
        try:
            async with self._outgoing.stream(self._call(parcel, parcel.secret)) as incoming:
                status = incoming.status
                async for piece in incoming.chunks():
                    kept += piece
                    if len(kept) >= _KEPT_BYTES:
                        break
        except Problem as problem:
            if status is None:
                return Outcome(error=problem.detail)
        return Outcome(status, printable(bytes(kept), _KEPT_BYTES))

    def _call(self, parcel: Parcel, secret: str) -> Call:
        body = parcel.delivery.body.encode()
        timestamp = str(int(self._clock().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "Folkmoot-Event": parcel.delivery.event_type,
            "Folkmoot-Delivery": parcel.delivery.id,
            "Folkmoot-Timestamp": timestamp,
            "Folkmoot-Signature": signature(secret, timestamp, body),
        }
        return Call("POST", parcel.url, headers, body, self.limits)


def _scope(workspace_id: str) -> Scope:
    return Scope(workspace_id, "", SYSTEM)
