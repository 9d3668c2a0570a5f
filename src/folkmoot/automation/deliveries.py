"""What is sent to webhooks: rows made from the log together with the cursor, so that none is lost or doubled.

The oldest pending one of a webhook is sent before any other, and the next only once it is delivered or given up.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from folkmoot.audit.service import record
from folkmoot.automation.queries import (
    DELIVERY_COLUMNS,
    count_pending,
    first_pending,
    get_delivery,
    get_webhook,
    hold_delivery,
    hold_free,
    hold_known,
    projects_of,
)
from folkmoot.automation.rules import (
    FAILING,
    PING,
    DeliveryStatus,
    DisabledReason,
    is_gone,
    is_success,
    next_try,
    project_told,
    takes,
)
from folkmoot.automation.tables import Webhook, WebhookDelivery
from folkmoot.automation.webhooks import disable
from folkmoot.db.tx import Tx
from folkmoot.events.frames import view
from folkmoot.events.queries import find_head, list_events
from folkmoot.events.tables import Event
from folkmoot.kernel.clock import iso
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.providers.cipher import Cipher, Unreadable
from folkmoot.providers.queries import find_secret

LEASE_SECONDS = 60
"""So long a delivery is its sender's; after that whoever sent it is taken to be dead, and it is sent again."""
_READ = 200
_MOST_PENDING = 200
"""Of one webhook: past it the log waits, not the table."""
_PRUNED = 500

_INSERT = sa.insert(WebhookDelivery)
_CURSOR = sa.update(Webhook).where(Webhook.id == sa.bindparam("this")).values(cursor=sa.bindparam("seq"))
_FAILING = (
    sa.update(Webhook)
    .where(Webhook.id == sa.bindparam("this"))
    .values(failing_since=sa.bindparam("since", type_=Webhook.__table__.columns["failing_since"].type))
)
_OUTCOME = ("status", "attempts", "next_at", "response_status", "response_body", "error", "updated_at")
_STORE = (
    sa.update(WebhookDelivery)
    .where(WebhookDelivery.id == sa.bindparam("this"))
    .values(
        {DELIVERY_COLUMNS[name]: sa.bindparam(f"new_{name}", type_=DELIVERY_COLUMNS[name].type) for name in _OUTCOME}
    )
    .returning(*DELIVERY_COLUMNS)
)
_OLD = (
    sa.select(WebhookDelivery.id)
    .where(
        WebhookDelivery.status != DeliveryStatus.PENDING.value,
        WebhookDelivery.updated_at < sa.bindparam("before", type_=DELIVERY_COLUMNS["updated_at"].type),
    )
    .limit(_PRUNED)
)
_PRUNE = sa.delete(WebhookDelivery).where(WebhookDelivery.id.in_(_OLD))


class DeliveryPending(Conflict):
    """The delivery is still to be sent by itself"""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery in somebody's hands: where it goes, what is sent, and with what it is signed.

    Without a secret it cannot be sent.
    """

    webhook_id: str
    delivery: WebhookDelivery
    url: str
    secret: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was answered, or in `error` why nothing was."""

    status: int | None = None
    body: str | None = None
    error: str | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and is_success(self.status)

    @property
    def sentence(self) -> str | None:
        if self.is_success:
            return None
        return self.error or f"The answer was {self.status}"


def collect(tx: Tx, scope: Scope, webhook_id: str, at: datetime) -> bool:
    """Make deliveries of what the log holds past the webhook's cursor, and move that; answers whether there is more."""
    webhook = hold_free(tx, webhook_id)
    if webhook is None or not webhook.is_enabled:
        return False
    room = _MOST_PENDING - count_pending(tx, webhook_id)
    if room <= 0:
        return False
    events = list_events(tx, scope.workspace_id, webhook.cursor, min(_READ, room))
    if not events:
        return False
    told = [event for event in events if event.room_id is None]  # a room's are told to who is in it
    wanted = [event for event in _narrowed(tx, webhook, told) if takes(webhook.types, event.type)]
    tx.write(_INSERT, [new_delivery(webhook_id, event.type, dumps(view(event)), at, event.seq) for event in wanted])
    tx.write(_CURSOR, {"this": webhook_id, "seq": events[-1].seq})
    head = find_head(tx, scope.workspace_id)
    return head is not None and head.seq > events[-1].seq


def _narrowed(tx: Tx, webhook: Webhook, events: list[Event]) -> list[Event]:
    if webhook.project_id is None:
        return events
    known = projects_of(tx, webhook.workspace_id, events)

    def project_of(event: Event) -> str | None:
        ids = (event.run_id, event.task_id, event.agent_id)
        return project_told(event.data) or next((known[id] for id in ids if id in known), None)

    return [event for event in events if project_of(event) == webhook.project_id]


def new_delivery(webhook_id: str, event_type: str, body: str, at: datetime, seq: int | None) -> dict[str, object]:
    """A row that is due at once."""
    row: dict[str, object] = dict.fromkeys(DELIVERY_COLUMNS.keys())
    return row | {
        "id": new_id(),
        "webhook_id": webhook_id,
        "seq": seq,
        "event_type": event_type,
        "body": body,
        "status": DeliveryStatus.PENDING.value,
        "attempts": 0,
        "next_at": at,
        "created_at": at,
        "updated_at": at,
    }


def take_next(tx: Tx, scope: Scope, cipher: Cipher, webhook_id: str, at: datetime) -> Parcel | None:
    """The webhook's next delivery, for this process alone to send; None where none is due, or another process is at it.

    A process that dies with it loses only time: it is due again when its lease is over.
    """
    webhook = hold_free(tx, webhook_id)
    if webhook is None or not webhook.is_enabled:
        return None
    delivery = first_pending(tx, webhook_id)
    if delivery is None or delivery.next_at is None or delivery.next_at > at:
        return None
    until = at + timedelta(seconds=LEASE_SECONDS)
    taken = _store(tx, delivery, at, attempts=delivery.attempts + 1, next_at=until)
    return _parcel(tx, scope, cipher, webhook, taken)


def settle(tx: Tx, scope: Scope, parcel: Parcel, outcome: Outcome, at: datetime, jitter: float) -> bool:
    """Keep what came of it; answers whether the next one may follow at once.

    Nothing happens where the lease was over and somebody else has it: he has sent it too.
    """
    webhook = hold_known(tx, parcel.webhook_id)
    delivery = hold_delivery(tx, parcel.webhook_id, parcel.delivery.id)
    is_ours = delivery is not None and (delivery.status, delivery.attempts) == ("pending", parcel.delivery.attempts)
    if webhook is None or delivery is None or not is_ours:
        return False
    again = None if outcome.is_success else next_try(delivery.attempts, outcome.status, jitter)
    if outcome.is_success:
        status = DeliveryStatus.DELIVERED
    else:
        is_over = again is None or is_gone(outcome.status)
        status = DeliveryStatus.FAILED if is_over else DeliveryStatus.PENDING
    next_at = at + again if again is not None and status is DeliveryStatus.PENDING else None
    _store(tx, delivery, at, status=status.value, next_at=next_at, **_kept(outcome))
    _judge(tx, scope, webhook, outcome, at)
    return status is not DeliveryStatus.PENDING and not is_gone(outcome.status)


def _judge(tx: Tx, scope: Scope, webhook: Webhook, outcome: Outcome, at: datetime) -> None:
    """Whether the webhook goes on."""
    system = Scope(scope.workspace_id, scope.project_id, SYSTEM)
    since = None if outcome.is_success else webhook.failing_since or at
    if since != webhook.failing_since:
        tx.write(_FAILING, {"this": webhook.id, "since": since})
    if is_gone(outcome.status):
        disable(tx, webhook, system, DisabledReason.GONE)
    elif since is not None and at - since >= FAILING:
        disable(tx, webhook, system, DisabledReason.FAILING)


def begin_ping(tx: Tx, scope: Scope, cipher: Cipher, webhook_id: str, at: datetime) -> Parcel:
    """A delivery to try the webhook with, also a disabled one. Raises NoSuchWebhook."""
    webhook = get_webhook(tx, scope, webhook_id)
    frame: JsonObject = {"event_type": PING, "timestamp": iso(at), "seq": None, "workspace_id": webhook.workspace_id}
    row = new_delivery(webhook.id, PING, dumps({**frame, "data": {"webhook_id": webhook.id}}), at, None)
    tx.write(_INSERT, row | {"status": DeliveryStatus.FAILED.value, "next_at": None})
    record(tx, scope.actor, "ping_webhook", ("webhook", webhook.id), scope.workspace_id)
    return _parcel(tx, scope, cipher, webhook, get_delivery(tx, webhook, str(row["id"])))


def begin_again(tx: Tx, scope: Scope, cipher: Cipher, webhook_id: str, delivery_id: str) -> Parcel:
    """A delivery that is done with, to be sent once more. Raises NoSuchWebhook, NoSuchDelivery, DeliveryPending."""
    webhook = get_webhook(tx, scope, webhook_id)
    delivery = get_delivery(tx, webhook, delivery_id)
    if delivery.status == DeliveryStatus.PENDING:
        raise DeliveryPending
    about = ("webhook", webhook.id)
    record(tx, scope.actor, "redeliver", about, scope.workspace_id, delivery_id=delivery.id)
    return _parcel(tx, scope, cipher, webhook, delivery)


def settle_by_hand(tx: Tx, scope: Scope, parcel: Parcel, outcome: Outcome, at: datetime) -> WebhookDelivery:
    """Keep what came of a single try that was asked for. Raises NoSuchWebhook, NoSuchDelivery."""
    delivery = get_delivery(tx, get_webhook(tx, scope, parcel.webhook_id), parcel.delivery.id)
    status = DeliveryStatus.DELIVERED if outcome.is_success else DeliveryStatus.FAILED
    return _store(tx, delivery, at, status=status.value, attempts=delivery.attempts + 1, **_kept(outcome))


def prune_some(tx: Tx, before: datetime) -> int:
    """Delete some of what was done with before that; answers how many."""
    return tx.write(_PRUNE, {"before": before})


def _parcel(tx: Tx, scope: Scope, cipher: Cipher, webhook: Webhook, delivery: WebhookDelivery) -> Parcel:
    return Parcel(webhook.id, delivery, webhook.url, _secret(tx, scope, cipher, webhook.secret_name))


def _secret(tx: Tx, scope: Scope, cipher: Cipher, name: str) -> str | None:
    secret = find_secret(tx, scope, name)
    try:
        return None if secret is None else cipher.decrypt(secret.workspace_id, name, secret.ciphertext)
    except Unreadable:
        return None


def _kept(outcome: Outcome) -> dict[str, object]:
    return {"response_status": outcome.status, "response_body": outcome.body, "error": outcome.sentence}


def _store(tx: Tx, delivery: WebhookDelivery, at: datetime, **values: object) -> WebhookDelivery:
    row = {name: getattr(delivery, name) for name in _OUTCOME} | {"updated_at": at} | values
    stored = tx.write_returning(WebhookDelivery, _STORE, this=delivery.id, **{f"new_{name}": row[name] for name in row})
    assert stored is not None, "it is held, or nobody else changes it"
    return stored
