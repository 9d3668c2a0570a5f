"""Webhooks over HTTP, for admins: what goes out tells much of a workspace."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from folkmoot.automation import queries, webhooks
from folkmoot.automation.deliveries import DeliveryPending
from folkmoot.automation.deps import DeliveryId, Post, WebhookId
from folkmoot.automation.queries import NoSuchDelivery, NoSuchWebhook, delivery_view
from folkmoot.automation.rules import DeliveryStatus
from folkmoot.automation.webhook_schemas import (
    DeliveryPage,
    DeliveryView,
    MadeWebhook,
    NewWebhook,
    WebhookChange,
    WebhookPage,
    WebhookView,
)
from folkmoot.automation.webhooks import TooManyWebhooks, UnknownEventType, webhook_view
from folkmoot.http.deps import Db, Outgoing
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.net.faults import AddressRefused
from folkmoot.providers.deps import Secrets
from folkmoot.providers.service import TooManySecrets
from folkmoot.workspaces.deps import HereAsAdmin
from folkmoot.workspaces.queries import NoSuchProject

_HOME = "/api/webhooks"

router = APIRouter(prefix=_HOME, tags=["webhooks"])
_UNKNOWN = problems(NoSuchWebhook)


@router.get("")
async def list_webhooks(db: Db, here: HereAsAdmin, paging: Paging) -> WebhookPage:
    """Newest first."""
    rows, total = await db.read_long(queries.list_webhooks, here, paging.skip, paging.limit)
    found = [webhook_view(row) for row in rows]
    return WebhookPage(webhooks=found, total=total, skip=paging.skip, limit=paging.limit)


@router.post(
    "",
    status_code=201,
    responses=problems(NoSuchProject, TooManyWebhooks, TooManySecrets, AddressRefused, UnknownEventType),
)
async def create_webhook(
    new: NewWebhook, db: Db, vault: Secrets, outgoing: Outgoing, here: HereAsAdmin, response: Response
) -> MadeWebhook:
    """The secret that signs its calls is shown in this answer only."""
    made = await db.write(webhooks.create_webhook, here, vault.cipher, outgoing, new)
    response.headers["Location"] = f"{_HOME}/{made.id}"
    return made


@router.get("/{webhook_id}", responses=_UNKNOWN)
async def get_webhook(db: Db, here: HereAsAdmin, webhook_id: WebhookId) -> WebhookView:
    return webhook_view(await db.read(queries.get_webhook, here, webhook_id))


@router.patch("/{webhook_id}", responses=problems(NoSuchWebhook, AddressRefused, UnknownEventType))
async def change_webhook(
    change: WebhookChange, db: Db, outgoing: Outgoing, here: HereAsAdmin, webhook_id: WebhookId
) -> WebhookView:
    """Enabled again, it goes on where it stopped."""
    return webhook_view(await db.write(webhooks.change_webhook, here, outgoing, webhook_id, change))


@router.delete("/{webhook_id}", status_code=204, responses=_UNKNOWN)
async def delete_webhook(db: Db, here: HereAsAdmin, webhook_id: WebhookId) -> None:
    """What was not sent yet is not sent."""
    await db.write(webhooks.delete_webhook, here, webhook_id)


@router.post("/{webhook_id}/rotate", responses=_UNKNOWN)
async def rotate_webhook_secret(db: Db, vault: Secrets, here: HereAsAdmin, webhook_id: WebhookId) -> MadeWebhook:
    """A new secret, shown in this answer only, signs every call from now on, repeated ones too."""
    return await db.write(webhooks.rotate_webhook_secret, here, vault.cipher, webhook_id)


@router.post("/{webhook_id}/ping", responses=_UNKNOWN)
async def ping_webhook(postman: Post, here: HereAsAdmin, webhook_id: WebhookId) -> DeliveryView:
    """Call it once, now, also while it is disabled: the answer says what came of it."""
    return delivery_view(await postman.ping(here, webhook_id))


@router.get("/{webhook_id}/deliveries", responses=_UNKNOWN)
async def list_deliveries(
    db: Db,
    here: HereAsAdmin,
    webhook_id: WebhookId,
    paging: Paging,
    status: Annotated[DeliveryStatus | None, Query()] = None,
) -> DeliveryPage:
    """Newest first."""
    found, total = await db.read_long(queries.list_deliveries, here, webhook_id, status, paging.skip, paging.limit)
    return DeliveryPage(deliveries=found, total=total, skip=paging.skip, limit=paging.limit)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    responses=problems(NoSuchWebhook, NoSuchDelivery, DeliveryPending),
)
async def redeliver(postman: Post, here: HereAsAdmin, webhook_id: WebhookId, delivery_id: DeliveryId) -> DeliveryView:
    """Send it once more, now, under the same id: the answer says what came of it."""
    return delivery_view(await postman.redeliver(here, webhook_id, delivery_id))
