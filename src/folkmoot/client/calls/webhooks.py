"""Calls of webhooks. Written by `make docs`."""

from collections.abc import Sequence

from folkmoot.client import wire
from folkmoot.client.resources.automation import Delivery, DeliveryPage, MadeWebhook, Webhook, WebhookPage
from folkmoot.client.wire import Call


def list_webhooks(*, skip: int | None = None, limit: int | None = None) -> Call[WebhookPage]:
    """Newest first."""
    return Call("GET", "/api/webhooks", wire.one(WebhookPage), query={"skip": skip, "limit": limit})


def create_webhook(
    name: str, url: str, types: Sequence[str], *, project_id: str | None = None, is_enabled: bool | None = None
) -> Call[MadeWebhook]:
    """The secret that signs its calls is shown in this answer only."""
    return Call(
        "POST",
        "/api/webhooks",
        wire.one(MadeWebhook),
        body={"name": name, "url": url, "types": types, "project_id": project_id, "is_enabled": is_enabled},
    )


def get_webhook(webhook_id: str) -> Call[Webhook]:
    return Call("GET", wire.path("/api/webhooks/{webhook_id}", webhook_id=webhook_id), wire.one(Webhook))


def change_webhook(
    webhook_id: str,
    *,
    name: str | None = None,
    url: str | None = None,
    types: Sequence[str] | None = None,
    is_enabled: bool | None = None,
) -> Call[Webhook]:
    """Enabled again, it goes on where it stopped."""
    return Call(
        "PATCH",
        wire.path("/api/webhooks/{webhook_id}", webhook_id=webhook_id),
        wire.one(Webhook),
        body={"name": name, "url": url, "types": types, "is_enabled": is_enabled},
    )


def delete_webhook(webhook_id: str) -> Call[None]:
    """What was not sent yet is not sent."""
    return Call("DELETE", wire.path("/api/webhooks/{webhook_id}", webhook_id=webhook_id), wire.nothing)


def rotate_webhook_secret(webhook_id: str) -> Call[MadeWebhook]:
    """A new secret, shown in this answer only, signs every call from now on, repeated ones too."""
    return Call("POST", wire.path("/api/webhooks/{webhook_id}/rotate", webhook_id=webhook_id), wire.one(MadeWebhook))


def ping_webhook(webhook_id: str) -> Call[Delivery]:
    """Call it once, now, also while it is disabled: the answer says what came of it."""
    return Call("POST", wire.path("/api/webhooks/{webhook_id}/ping", webhook_id=webhook_id), wire.one(Delivery))


def list_deliveries(
    webhook_id: str, *, status: str | None = None, skip: int | None = None, limit: int | None = None
) -> Call[DeliveryPage]:
    """Newest first."""
    return Call(
        "GET",
        wire.path("/api/webhooks/{webhook_id}/deliveries", webhook_id=webhook_id),
        wire.one(DeliveryPage),
        query={"status": status, "skip": skip, "limit": limit},
    )


def redeliver(webhook_id: str, delivery_id: str) -> Call[Delivery]:
    """Send it once more, now, under the same id: the answer says what came of it."""
    return Call(
        "POST",
        wire.path(
            "/api/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
            webhook_id=webhook_id,
            delivery_id=delivery_id,
        ),
        wire.one(Delivery),
    )
