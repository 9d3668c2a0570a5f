"""The verbs of webhooks. Their secrets are the workspace's own, encrypted as all of those are."""

from typing import Literal

import sqlalchemy as sa

from folkmoot.accounts.tokens import new_secret
from folkmoot.audit.service import record
from folkmoot.automation.queries import WEBHOOK_COLUMNS, count_webhooks, hold_webhook, orphaned_secrets
from folkmoot.automation.rules import EVERYTHING, MOST_WEBHOOKS, DisabledReason, secret_name
from folkmoot.automation.tables import Webhook
from folkmoot.automation.webhook_schemas import MadeWebhook, NewWebhook, WebhookChange, WebhookSummary, WebhookView
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.events.queries import latest_seq
from folkmoot.events.registry import fact_types
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Invalid
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.net.client import GuardedClient
from folkmoot.providers.cipher import Cipher
from folkmoot.providers.queries import find_secret
from folkmoot.providers.service import delete_secret, set_secret
from folkmoot.workspaces.queries import get_project

_PREFIX = "fmhook_"

_INSERT = sa.insert(Webhook).returning(*WEBHOOK_COLUMNS)
_CHANGEABLE = ("name", "url", "types", "is_enabled", "disabled_reason", "failing_since", "updated_at")
_CHANGE = (
    sa.update(Webhook)
    .where(Webhook.id == sa.bindparam("this"))
    .values(
        {WEBHOOK_COLUMNS[name]: sa.bindparam(f"new_{name}", type_=WEBHOOK_COLUMNS[name].type) for name in _CHANGEABLE}
    )
    .returning(*WEBHOOK_COLUMNS)
)
_DELETE = sa.delete(Webhook).where(Webhook.id == sa.bindparam("this"))


class TooManyWebhooks(Conflict):
    """The workspace has as many webhooks as it may"""


class UnknownEventType(Invalid):
    """There is no such type of events"""


def create_webhook(tx: Tx, scope: Scope, cipher: Cipher, outgoing: GuardedClient, new: NewWebhook) -> MadeWebhook:
    """It follows the log from now on.

    Raises AddressRefused, UnknownEventType, NoSuchProject, TooManyWebhooks, TooManySecrets.
    """
    url, types = outgoing.check(new.url), _checked(new.types)
    project_id = None if new.project_id is None else get_project(tx, scope, new.project_id).id
    if count_webhooks(tx, scope) >= MOST_WEBHOOKS:
        raise TooManyWebhooks
    webhook_id, at = new_id(), now()
    name = secret_name(webhook_id)
    secret = _new_secret(tx, scope, cipher, name)
    webhook = tx.write_returning(
        Webhook,
        _INSERT,
        id=webhook_id,
        workspace_id=scope.workspace_id,
        project_id=project_id,
        name=new.name,
        url=url,
        types=types,
        is_enabled=new.is_enabled,
        disabled_reason=None,
        secret_name=name,
        cursor=latest_seq(tx, scope.workspace_id),
        failing_since=None,
        created_at=at,
        updated_at=at,
    )
    assert webhook is not None
    _say(tx, webhook, "created")
    record(tx, scope.actor, "create_webhook", ("webhook", webhook.id), scope.workspace_id, types=[*types])
    return MadeWebhook(**dict(webhook_view(webhook)), secret=secret)


def change_webhook(tx: Tx, scope: Scope, outgoing: GuardedClient, webhook_id: str, change: WebhookChange) -> Webhook:
    """Raises NoSuchWebhook, AddressRefused, UnknownEventType."""
    webhook = hold_webhook(tx, scope, webhook_id)
    values: dict[str, object] = change.model_dump(exclude_none=True)
    if change.url is not None:
        values["url"] = outgoing.check(change.url)
    if change.types is not None:
        values["types"] = _checked(change.types)
    if change.is_enabled is not None:
        values |= {"disabled_reason": None, "failing_since": None}
    names = sorted(change.model_fields_set)
    record(tx, scope.actor, "change_webhook", ("webhook", webhook.id), scope.workspace_id, changed=[*names])
    return store(tx, webhook, **values)


def rotate_webhook_secret(tx: Tx, scope: Scope, cipher: Cipher, webhook_id: str) -> MadeWebhook:
    """What is sent from now on is signed with the new one. Raises NoSuchWebhook."""
    webhook = hold_webhook(tx, scope, webhook_id)
    secret = _new_secret(tx, scope, cipher, webhook.secret_name)
    record(tx, scope.actor, "rotate_webhook_secret", ("webhook", webhook.id), scope.workspace_id)
    return MadeWebhook(**dict(webhook_view(webhook)), secret=secret)


def delete_webhook(tx: Tx, scope: Scope, webhook_id: str) -> None:
    """With its secret, and what was not sent yet. Raises NoSuchWebhook."""
    webhook = hold_webhook(tx, scope, webhook_id)
    if find_secret(tx, scope, webhook.secret_name) is not None:
        delete_secret(tx, scope, webhook.secret_name)
    tx.write(_DELETE, {"this": webhook.id})
    _say(tx, webhook, "deleted")
    record(tx, scope.actor, "delete_webhook", ("webhook", webhook.id), scope.workspace_id)


def forget_secrets(tx: Tx) -> None:
    """Delete those of webhooks that went with their project."""
    for secret in orphaned_secrets(tx):
        delete_secret(tx, Scope(secret.workspace_id, "", SYSTEM), secret.name)


def disable(tx: Tx, webhook: Webhook, scope: Scope, reason: DisabledReason) -> None:
    """Nothing more is sent until somebody enables it again; the log tells of it."""
    store(tx, webhook, is_enabled=False, disabled_reason=reason.value)
    record(tx, scope.actor, "disable_webhook", ("webhook", webhook.id), scope.workspace_id, reason=reason.value)


def store(tx: Tx, webhook: Webhook, **values: object) -> Webhook:
    row = {name: getattr(webhook, name) for name in _CHANGEABLE} | {"updated_at": now()} | values
    changed = tx.write_returning(Webhook, _CHANGE, this=webhook.id, **{f"new_{name}": row[name] for name in row})
    assert changed is not None, "it is held"
    _say(tx, changed, "updated")
    return changed


def webhook_view(row: Webhook) -> WebhookView:
    return WebhookView.model_validate({name: getattr(row, name) for name in WebhookView.model_fields})


def _new_secret(tx: Tx, scope: Scope, cipher: Cipher, name: str) -> str:
    secret = _PREFIX + new_secret()
    set_secret(tx, scope, cipher, name, secret)
    return secret


def _checked(types: list[str]) -> list[str]:
    unknown = [name for name in types if name != EVERYTHING and name not in fact_types()]
    if unknown:
        raise UnknownEventType(types=[*unknown])
    return list(dict.fromkeys(types))


def _say(tx: Tx, webhook: Webhook, change: Literal["created", "updated", "deleted"]) -> None:
    """Without its URL, which may hold a secret: members see events, admins webhooks."""
    shown = {name: getattr(webhook, name) for name in WebhookSummary.model_fields}
    view = None if change == "deleted" else WebhookSummary.model_validate(shown).model_dump(mode="json")
    tx.emit(webhook.workspace_id, ResourceChanged(resource="webhook", id=webhook.id, change=change, view=view))
