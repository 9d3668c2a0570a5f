"""What the log holds arrives: signed, in order, at least once, and at no address that is not public."""

import hmac
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa

from folkmoot.automation import deliveries
from folkmoot.automation.deliveries import collect, take_next
from folkmoot.automation.queries import get_webhook, list_deliveries
from folkmoot.automation.rules import DELAYS_SECONDS, TRIES, DeliveryStatus
from folkmoot.automation.tables import Webhook
from folkmoot.automation.webhook_schemas import DeliveryView, WebhookChange
from folkmoot.automation.webhooks import change_webhook, delete_webhook, rotate_webhook_secret
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.events.frames import view
from folkmoot.events.queries import latest_seq, list_events
from folkmoot.kernel.json import JsonObject, loads
from folkmoot.kernel.scope import Scope
from folkmoot.net.faults import AddressRefused
from folkmoot.providers.queries import list_secrets
from folkmoot.providers.service import delete_secret
from tests.automation.receiver import CIPHER, NOTHING, RESET, Clock, Receiver, Sender, say
from tests.net.servers import Names, Served, serving

pytestmark = pytest.mark.system  # all wires and all their faults

LONGEST = timedelta(seconds=DELAYS_SECONDS[-1] * 2)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def served(receiver: Receiver) -> AsyncIterator[Served]:
    async with serving(receiver) as opened:
        yield opened


@pytest.fixture
async def sender(db: Database, clock: Clock) -> AsyncIterator[Sender]:
    opened = Sender(db, clock)
    yield opened
    await opened.close()


async def log(db: Database, scope: Scope, webhook_id: str, status: DeliveryStatus | None = None) -> list[DeliveryView]:
    """Oldest first."""
    found, total = await db.read(list_deliveries, scope, webhook_id, status, 0, 200)
    assert total == len(found)
    return found[::-1]


async def row(db: Database, scope: Scope, webhook_id: str) -> Webhook:
    return await db.read(get_webhook, scope, webhook_id)


async def test_an_event_arrives_signed(
    db: Database, scope: Scope, sender: Sender, served: Served, receiver: Receiver
) -> None:
    made = await sender.make(scope, served.url + "/hook?a=1", "resource_changed")
    receiver.bodies.clear()
    receiver.seen.clear()
    await db.write(say, scope, 1)
    await sender.look()
    [event] = await db.read(list_events, scope.workspace_id, await db.read(latest_seq, scope.workspace_id) - 1, 9)
    [body], [headers] = receiver.bodies, receiver.seen
    assert loads(body) == view(event)
    assert served.asked[-1] == ("POST", "/hook?a=1")
    signed = headers["folkmoot-timestamp"].encode() + b"." + body
    expected = hmac.new(made.secret.encode(), signed, sha256).hexdigest()
    assert headers["folkmoot-signature"] == f"v1={expected}"
    assert headers["folkmoot-timestamp"] == str(int(sender.clock().timestamp()))
    assert (headers["folkmoot-event"], headers["content-type"]) == ("resource_changed", "application/json")
    done = (await log(db, scope, made.id))[-1]
    assert headers["folkmoot-delivery"] == done.id
    assert (done.status, done.attempts, done.response_status, done.response_body) == ("delivered", 1, 200, "thanks")
    assert (done.error, done.next_at, done.seq) == (None, None, event.seq)


async def test_what_it_wants_and_nothing_else(
    db: Database, scope: Scope, sender: Sender, served: Served, receiver: Receiver
) -> None:
    await sender.make(scope, served.url, "task_completed", "failure")
    await db.write(say, scope, 3)
    await sender.look()
    assert receiver.bodies == []


async def test_order_is_the_log_s_through_every_failure(
    db: Database, scope: Scope, sender: Sender, served: Served, receiver: Receiver, clock: Clock
) -> None:
    """A 500, a receiver that hangs, a cut connection: nothing overtakes, nothing is left out."""
    made = await sender.make(scope, served.url, "resource_changed")
    first = await db.read(latest_seq, scope.workspace_id) + 1
    receiver.bodies.clear()
    await db.write(say, scope, 5)
    receiver.answers.extend([200, 500, NOTHING, RESET, 503, 429])
    sender.hasten(0.3)
    reasons = []
    for _ in range(8):
        await sender.look()
        waiting = await log(db, scope, made.id, DeliveryStatus.PENDING)
        if not waiting:
            break
        assert waiting[0].next_at is not None
        assert (waiting[0].seq, [one.attempts for one in waiting[1:]]) == (first + 1, [0, 0, 0])
        reasons.append((waiting[0].response_status, waiting[0].error))
        before = len(receiver.bodies)
        clock.at = waiting[0].next_at - timedelta(seconds=1)
        await sender.look()
        assert len(receiver.bodies) == before, "not before its time"
        clock.move(seconds=1)
    assert receiver.seqs == [first, *[first + 1] * 6, first + 2, first + 3, first + 4]
    assert [status for status, _ in reasons] == [500, None, None, 503, 429]
    assert [error for _, error in reasons] == [
        "The answer was 500",
        "The called server did not finish its answer in time",
        "127.0.0.1 did not answer properly",
        "The answer was 503",
        "The answer was 429",
    ]
    assert (await log(db, scope, made.id))[-4].attempts == 6
    assert (await row(db, scope, made.id)).failing_since is None


async def test_delays_grow_to_a_day_and_then_the_next_has_its_turn(
    db: Database, scope: Scope, sender: Sender, served: Served, receiver: Receiver, clock: Clock
) -> None:
    made = await sender.make(scope, served.url, "resource_changed")
    receiver.bodies.clear()
    await db.write(say, scope, 2)
    receiver.answers.extend([500] * TRIES)
    began = clock.at
    for delay in DELAYS_SECONDS:
        await sender.look()
        [head, *_] = await log(db, scope, made.id, DeliveryStatus.PENDING)
        assert head.next_at is not None
        assert timedelta(seconds=delay) <= head.next_at - clock.at <= timedelta(seconds=delay * 1.2)
        clock.at = head.next_at
    await sender.look()
    *_, failed, delivered = await log(db, scope, made.id)
    assert (failed.status, failed.attempts, failed.next_at) == ("failed", TRIES, None)
    assert (delivered.status, delivered.attempts) == ("delivered", 1)
    assert timedelta(hours=23) < clock.at - began < timedelta(hours=30)


@pytest.mark.parametrize("status", [302, 400, 404])
async def test_a_refusal_holds_up_the_others_for_a_minute(
    db: Database, scope: Scope, sender: Sender, served: Served, receiver: Receiver, clock: Clock, status: int
) -> None:
    """And a redirect is one: it is not followed."""
    made = await sender.make(scope, served.url, "resource_changed")
    receiver.answers.extend([status] * 3)
    await db.write(say, scope, 2)
    for _ in range(3):
        await sender.look()
        clock.move(minutes=2)
    *_, failed, delivered = await log(db, scope, made.id)
    assert (failed.status, failed.attempts, failed.response_status) == ("failed", 3, status)
    assert delivered.status == "delivered"
    assert {path for _, path in served.asked} == {"/"}


async def test_gone_disables(
    db: Database, scope: Scope, sender: Sender, served: Served, receiver: Receiver, clock: Clock
) -> None:
    made = await sender.make(scope, served.url, "resource_changed")
    receiver.answers.append(410)
    await db.write(say, scope, 2)
    await sender.look()
    clock.at += LONGEST
    await sender.look()
    webhook = await row(db, scope, made.id)
    assert (webhook.is_enabled, webhook.disabled_reason) == (False, "gone")
    *_, gone, waiting = await log(db, scope, made.id)
    assert (gone.status, waiting.status, waiting.attempts) == ("failed", "pending", 0)
    told = await db.read(list_events, scope.workspace_id, 0, 100)
    assert told[-1].data["view"]["disabled_reason"] == "gone"  # type: ignore[index, call-overload]
    await db.write(change_webhook, scope, sender.outgoing, made.id, WebhookChange(is_enabled=True))
    await sender.look()
    last = await db.read(latest_seq, scope.workspace_id)
    assert receiver.seqs[-3:] == [last - 2, last - 1, last], "it goes on where it stopped"
    assert await log(db, scope, made.id, DeliveryStatus.PENDING) == []


async def test_days_of_failures_disable(
    db: Database, scope: Scope, sender: Sender, served: Served, receiver: Receiver, clock: Clock
) -> None:
    made = await sender.make(scope, served.url, "resource_changed")
    receiver.answers.extend([500] * 100)
    await db.write(say, scope, 9)
    began = clock.at
    while (await row(db, scope, made.id)).is_enabled:
        await sender.look()
        clock.move(hours=3)
        assert clock.at - began < timedelta(days=5)
    assert clock.at - began > timedelta(days=3)
    assert (await row(db, scope, made.id)).disabled_reason == "failing"


async def test_a_crash_of_the_follower_loses_and_doubles_nothing(
    db: Database, scope: Scope, sender: Sender, served: Served, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliveries and cursor are one unit: it is there or it is not."""
    made = await sender.make(scope, served.url, "resource_changed")
    first = await db.read(latest_seq, scope.workspace_id) + 1
    receiver.bodies.clear()
    await db.write(say, scope, 250)
    before = await row(db, scope, made.id)
    with monkeypatch.context() as patch:

        def die(*_: object) -> None:
            raise SystemError("died")

        patch.setattr(deliveries, "find_head", die)
        with pytest.raises(SystemError):
            await db.write(collect, scope, made.id, sender.clock())
    assert await row(db, scope, made.id) == before
    assert await log(db, scope, made.id, DeliveryStatus.PENDING) == []
    for _ in range(4):
        await sender.look()
    assert receiver.seqs == [*range(first, first + 250)]


async def test_a_postman_who_dies_on_his_way_is_followed_by_another(
    db: Database, scope: Scope, sender: Sender, served: Served, receiver: Receiver, clock: Clock
) -> None:
    made = await sender.make(scope, served.url, "resource_changed")
    first = await db.read(latest_seq, scope.workspace_id) + 1
    receiver.bodies.clear()
    await db.write(say, scope, 2)
    await db.write(collect, scope, made.id, clock())
    lost = await db.write(take_next, scope, CIPHER, made.id, clock())
    assert lost is not None
    await sender.look()
    assert receiver.bodies == [], "it may still be on its way"
    clock.move(seconds=61)
    await sender.look()
    assert receiver.seqs == [first, first + 1]
    outcome = deliveries.Outcome(500, "late")
    assert not await db.write(deliveries.settle, scope, lost, outcome, clock(), 0.0), "the dead man's word counts not"
    assert [one.status for one in await log(db, scope, made.id)][-2:] == ["delivered", "delivered"]


async def test_two_postmen_carry_each_letter_once(
    db: Database, scope: Scope, sender: Sender, served: Served, receiver: Receiver, clock: Clock
) -> None:
    made = await sender.make(scope, served.url, "resource_changed")
    first = await db.read(latest_seq, scope.workspace_id) + 1
    receiver.bodies.clear()
    await db.write(say, scope, 30)
    other = Sender(db, clock)
    for _ in range(5):
        await sender.postman.look()
        await other.postman.look()
        await sender.postman.rest()
        await other.postman.rest()
    await other.close()
    assert receiver.seqs == [*range(first, first + 30)]
    assert {one.attempts for one in (await log(db, scope, made.id))[-30:]} == {1}


async def test_what_is_not_public_is_not_called_even_after_a_change_of_its_name(
    db: Database, scope: Scope, served: Served, receiver: Receiver, clock: Clock
) -> None:
    strict = Sender(db, clock, (), Names(hook_example_org=[["127.0.0.1"]]))
    for url in (
        served.url,
        "http://[::1]/",
        "http://10.0.0.1/",
        "http://2130706433/",
        "ftp://example.org/",
        "http://a@b/",
    ):
        with pytest.raises(AddressRefused):
            await strict.make(scope, url)
    assert (await db.read(list_secrets, scope, 0, 9))[1] == 0
    made = await strict.make(scope, f"http://hook.example.org:{served.port}/")
    await db.write(say, scope, 1)
    await strict.look()
    with pytest.raises(AddressRefused):
        await db.write(change_webhook, scope, strict.outgoing, made.id, WebhookChange(url=served.url))
    await strict.close()
    assert receiver.bodies == []
    [refused, *_] = await log(db, scope, made.id, DeliveryStatus.PENDING)
    assert (refused.attempts, refused.response_status) == (1, None)
    assert refused.error is not None
    assert "may not be called" in refused.error
    assert "127.0.0.1" not in refused.error


async def test_an_endless_answer_is_cut(
    db: Database, scope: Scope, sender: Sender, served: Served, receiver: Receiver
) -> None:
    receiver.text = "é\x00" * 2_000_000
    made = await sender.make(scope, served.url, "resource_changed")
    await db.write(say, scope, 1)
    await sender.look()
    done = (await log(db, scope, made.id))[-1]
    assert done.status == "delivered"
    assert done.response_body is not None
    assert 300 < len(done.response_body) <= 1024


async def test_a_project_s_webhook_hears_of_that_project(
    db: Database, scope: Scope, sender: Sender, served: Served, receiver: Receiver
) -> None:
    await sender.make(scope, served.url, "resource_changed", project_id=scope.project_id)
    receiver.bodies.clear()
    await db.write(say, scope, 3)
    await db.write(tell_of, scope, [scope.project_id, "another", scope.project_id])
    await sender.look()
    told: list[Any] = [loads(body) for body in receiver.bodies]
    assert [one["data"]["view"]["project_id"] for one in told] == [scope.project_id] * 2


def tell_of(tx: Tx, scope: Scope, projects: list[str]) -> None:
    for project in projects:
        view: JsonObject = {"id": "x", "project_id": project}
        tx.emit(scope.workspace_id, ResourceChanged(resource="note", id="x", change="updated", view=view))


async def test_secrets(db: Database, scope: Scope, sender: Sender, served: Served, receiver: Receiver) -> None:
    made = await sender.make(scope, served.url, "resource_changed")
    events = await db.read(list_events, scope.workspace_id, 0, 100)
    assert made.secret not in str([view(event) for event in events])
    rows, _ = await db.read(list_secrets, scope, 0, 9)
    assert made.secret not in str(rows)
    rotated = await db.write(rotate_webhook_secret, scope, CIPHER, made.id)
    assert rotated.secret != made.secret
    await sender.look()
    headers, body = receiver.seen[-1], receiver.bodies[-1]
    signed = headers["folkmoot-timestamp"].encode() + b"." + body
    assert headers["folkmoot-signature"] == "v1=" + hmac.new(rotated.secret.encode(), signed, sha256).hexdigest()
    [secret] = (await db.read(list_secrets, scope, 0, 9))[0]
    await db.write(delete_secret, scope, secret.name)
    await sender.look()
    [unsigned] = await log(db, scope, made.id, DeliveryStatus.PENDING)
    assert unsigned.error == "Its secret is gone or cannot be read; rotate it"
    await db.write(rotate_webhook_secret, scope, CIPHER, made.id)
    await db.write(delete_webhook, scope, made.id)
    assert (await db.read(list_secrets, scope, 0, 9))[1] == 0


async def test_what_is_done_with_is_forgotten_in_time(
    db: Database, scope: Scope, sender: Sender, served: Served, clock: Clock
) -> None:
    made = await sender.make(scope, served.url, "resource_changed")
    clock.move(days=29)
    await db.write(say, scope, 1)
    await sender.look()
    clock.move(days=2)
    await sender.postman.prune(timedelta(days=30))
    assert len(await log(db, scope, made.id)) == 1


async def test_one_event_is_one_delivery(db: Database, scope: Scope, sender: Sender, served: Served) -> None:
    """The database refuses a second delivery of one event to one webhook."""
    made = await sender.make(scope, served.url, "resource_changed")
    rewind = sa.update(Webhook).where(Webhook.id == made.id).values(cursor=0)
    await db.write(lambda tx: tx.write(rewind))
    with pytest.raises(sa.exc.IntegrityError):
        await db.write(collect, scope, made.id, sender.clock())
