"""Every SELECT of automation."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from folkmoot.agents.tables import AgentInstance
from folkmoot.automation.rules import NAME_LENGTH, NAME_PREFIX, DeliveryStatus
from folkmoot.automation.schedule_schemas import ScheduleStartView, ScheduleView
from folkmoot.automation.tables import Schedule, ScheduleStart, Webhook, WebhookDelivery
from folkmoot.automation.webhook_schemas import DeliveryView
from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event, EventHead
from folkmoot.kernel.errors import NotFound, existing
from folkmoot.kernel.scope import Scope
from folkmoot.providers.tables import Secret
from folkmoot.runs.tables import Run
from folkmoot.tasks.tables import Task
from folkmoot.workspaces.rules import TenantStatus
from folkmoot.workspaces.tables import Project, Workspace

SCHEDULE_COLUMNS = Schedule.__table__.columns
WEBHOOK_COLUMNS = Webhook.__table__.columns
DELIVERY_COLUMNS = WebhookDelivery.__table__.columns

_SCHEDULE = sa.select(*SCHEDULE_COLUMNS).where(
    Schedule.id == sa.bindparam("id"), Schedule.workspace_id == sa.bindparam("workspace_id")
)
_HELD_SCHEDULE = _SCHEDULE.with_for_update()
_DUE = (
    sa.select(*SCHEDULE_COLUMNS)
    .join(Workspace, Workspace.id == Schedule.workspace_id)
    .join(Project, Project.id == Schedule.project_id)
    .where(
        Schedule.next_at <= sa.bindparam("at", type_=SCHEDULE_COLUMNS["next_at"].type),
        Workspace.status == TenantStatus.ACTIVE,
        Project.status == TenantStatus.ACTIVE,
    )
    .order_by(Schedule.next_at)
    .limit(sa.bindparam("rows", type_=sa.Integer))
)
_STILL_DUE = (
    sa.select(*SCHEDULE_COLUMNS)
    .where(
        Schedule.id == sa.bindparam("id"),
        Schedule.next_at == sa.bindparam("due", type_=SCHEDULE_COLUMNS["next_at"].type),
    )
    .with_for_update(skip_locked=True)
)
_STARTS = (
    sa.select(*ScheduleStart.__table__.columns, Run.status)
    .outerjoin(Run, Run.id == ScheduleStart.run_id)
    .where(ScheduleStart.schedule_id == sa.bindparam("schedule_id"))
    .order_by(ScheduleStart.id.desc())
    .limit(sa.bindparam("rows", type_=sa.Integer))
    .offset(sa.bindparam("skip", type_=sa.Integer))
)
_COUNT_STARTS = (
    sa.select(sa.func.count())
    .select_from(ScheduleStart)
    .where(ScheduleStart.schedule_id == sa.bindparam("schedule_id"))
)
_WEBHOOK = sa.select(*WEBHOOK_COLUMNS).where(
    Webhook.id == sa.bindparam("id"), Webhook.workspace_id == sa.bindparam("workspace_id")
)
_HELD_WEBHOOK = _WEBHOOK.with_for_update()
_OF_ID = sa.select(*WEBHOOK_COLUMNS).where(Webhook.id == sa.bindparam("id"))
_FREE_WEBHOOK = _OF_ID.with_for_update(skip_locked=True)
_KNOWN_WEBHOOK = _OF_ID.with_for_update()
_BEHIND = (
    sa.select(Webhook.id, Webhook.workspace_id)
    .join(EventHead, EventHead.workspace_id == Webhook.workspace_id)
    .where(Webhook.is_enabled, EventHead.seq > Webhook.cursor)
    .order_by(Webhook.id)
)
_PENDING = WebhookDelivery.status == DeliveryStatus.PENDING.value
_COUNT_PENDING = (
    sa.select(sa.func.count())
    .select_from(WebhookDelivery)
    .where(WebhookDelivery.webhook_id == sa.bindparam("webhook_id"), _PENDING)
)
_FIRST_PENDING = (
    sa.select(*DELIVERY_COLUMNS)
    .where(WebhookDelivery.webhook_id == sa.bindparam("webhook_id"), _PENDING)
    .order_by(WebhookDelivery.seq)
    .limit(1)
)
_HEADS = (
    sa.select(WebhookDelivery.webhook_id, sa.func.min(WebhookDelivery.seq).label("seq"))
    .where(_PENDING)
    .group_by(WebhookDelivery.webhook_id)
    .subquery()
)
_READY = (
    sa.select(Webhook.id, Webhook.workspace_id)
    .join(_HEADS, _HEADS.c.webhook_id == Webhook.id)
    .join(WebhookDelivery, (WebhookDelivery.webhook_id == Webhook.id) & (WebhookDelivery.seq == _HEADS.c.seq))
    .where(Webhook.is_enabled, WebhookDelivery.next_at <= sa.bindparam("at", type_=DELIVERY_COLUMNS["next_at"].type))
    .order_by(Webhook.id)
)
_DELIVERY = sa.select(*DELIVERY_COLUMNS).where(
    WebhookDelivery.id == sa.bindparam("id"), WebhookDelivery.webhook_id == sa.bindparam("webhook_id")
)
_HELD_DELIVERY = _DELIVERY.with_for_update()
_OWNERS: dict[str, sa.Select[str, str]] = {
    "run_id": sa.select(Run.id, Run.project_id).where(Run.workspace_id == sa.bindparam("workspace_id")),
    "task_id": sa.select(Task.id, Task.project_id).where(Task.workspace_id == sa.bindparam("workspace_id")),
    "agent_id": sa.select(AgentInstance.id, AgentInstance.project_id).where(
        AgentInstance.workspace_id == sa.bindparam("workspace_id")
    ),
}


_ORPHANED = (
    sa.select(*Secret.__table__.columns)
    .join(Workspace, Workspace.id == Secret.workspace_id)
    .where(
        Workspace.status == TenantStatus.ACTIVE,
        Secret.name.startswith(NAME_PREFIX, autoescape=True),
        sa.func.length(Secret.name) == NAME_LENGTH,
        ~sa.exists().where(Webhook.workspace_id == Secret.workspace_id, Webhook.secret_name == Secret.name),
    )
)


class NoSuchSchedule(NotFound):
    """Schedule not found"""


class NoSuchWebhook(NotFound):
    """Webhook not found"""


class NoSuchDelivery(NotFound):
    """Delivery not found"""


def get_schedule(tx: Tx, scope: Scope, schedule_id: str) -> Schedule:
    """Raises NoSuchSchedule, for another workspace's too."""
    return existing(tx.first(Schedule, _SCHEDULE, id=schedule_id, workspace_id=scope.workspace_id), NoSuchSchedule)


def hold_schedule(tx: Tx, scope: Scope, schedule_id: str) -> Schedule:
    """As `get_schedule`, and nobody else changes or starts it until the unit ends."""
    return existing(tx.first(Schedule, _HELD_SCHEDULE, id=schedule_id, workspace_id=scope.workspace_id), NoSuchSchedule)


def hold_due(tx: Tx, schedule_id: str, due: datetime) -> Schedule | None:
    """The schedule, held, where it is still to start what was due then and nobody else is at it."""
    return tx.first(Schedule, _STILL_DUE, id=schedule_id, due=due)


def due_schedules(tx: Tx, at: datetime, limit: int) -> list[Schedule]:
    """Those that are due, the longest first; none of a workspace or project that is being deleted."""
    return tx.all(Schedule, _DUE, at=at, rows=limit)


def count_schedules(tx: Tx, scope: Scope) -> int:
    mine = sa.select(sa.func.count()).select_from(Schedule).where(Schedule.workspace_id == scope.workspace_id)
    count: int = tx.scalar(mine)
    return count


def list_schedules(tx: Tx, scope: Scope, skip: int, limit: int) -> tuple[list[ScheduleView], int]:
    """Newest first."""
    mine = sa.select(*SCHEDULE_COLUMNS).where(Schedule.workspace_id == scope.workspace_id)
    rows = tx.all(Schedule, mine.order_by(Schedule.id.desc()).offset(skip).limit(limit))
    return [schedule_view(row) for row in rows], count_schedules(tx, scope)


def schedule_view(row: Schedule) -> ScheduleView:
    return ScheduleView.model_validate({name: getattr(row, name) for name in ScheduleView.model_fields})


def list_starts(tx: Tx, scope: Scope, schedule_id: str, skip: int, limit: int) -> tuple[list[ScheduleStartView], int]:
    """Newest first. Raises NoSuchSchedule."""
    schedule = get_schedule(tx, scope, schedule_id)
    rows = tx.all(ScheduleStart, _STARTS, schedule_id=schedule.id, rows=limit, skip=skip)
    total: int = tx.scalar(_COUNT_STARTS, schedule_id=schedule.id)
    names = ScheduleStartView.model_fields
    return [ScheduleStartView.model_validate({name: getattr(row, name) for name in names}) for row in rows], total


def get_webhook(tx: Tx, scope: Scope, webhook_id: str) -> Webhook:
    """Raises NoSuchWebhook, for another workspace's too."""
    return existing(tx.first(Webhook, _WEBHOOK, id=webhook_id, workspace_id=scope.workspace_id), NoSuchWebhook)


def hold_webhook(tx: Tx, scope: Scope, webhook_id: str) -> Webhook:
    """As `get_webhook`, and nobody else changes it or sends to it until the unit ends."""
    return existing(tx.first(Webhook, _HELD_WEBHOOK, id=webhook_id, workspace_id=scope.workspace_id), NoSuchWebhook)


def hold_free(tx: Tx, webhook_id: str) -> Webhook | None:
    """The webhook, held; None where it is gone or another process has it right now."""
    return tx.first(Webhook, _FREE_WEBHOOK, id=webhook_id)


def hold_known(tx: Tx, webhook_id: str) -> Webhook | None:
    """As `hold_free`, and waits for whoever has it."""
    return tx.first(Webhook, _KNOWN_WEBHOOK, id=webhook_id)


def count_webhooks(tx: Tx, scope: Scope) -> int:
    mine = sa.select(sa.func.count()).select_from(Webhook).where(Webhook.workspace_id == scope.workspace_id)
    count: int = tx.scalar(mine)
    return count


def list_webhooks(tx: Tx, scope: Scope, skip: int, limit: int) -> tuple[list[Webhook], int]:
    """Newest first."""
    mine = sa.select(*WEBHOOK_COLUMNS).where(Webhook.workspace_id == scope.workspace_id)
    rows = tx.all(Webhook, mine.order_by(Webhook.id.desc()).offset(skip).limit(limit))
    return rows, count_webhooks(tx, scope)


def behind(tx: Tx) -> list[Webhook]:
    """Id and workspace of the enabled webhooks whose log goes on past their cursor."""
    return tx.all(Webhook, _BEHIND)


def ready(tx: Tx, at: datetime) -> list[Webhook]:
    """Id and workspace of the enabled webhooks whose next delivery is due."""
    return tx.all(Webhook, _READY, at=at)


def count_pending(tx: Tx, webhook_id: str) -> int:
    count: int = tx.scalar(_COUNT_PENDING, webhook_id=webhook_id)
    return count


def first_pending(tx: Tx, webhook_id: str) -> WebhookDelivery | None:
    """What is to be sent before anything else."""
    return tx.first(WebhookDelivery, _FIRST_PENDING, webhook_id=webhook_id)


def get_delivery(tx: Tx, webhook: Webhook, delivery_id: str) -> WebhookDelivery:
    """Raises NoSuchDelivery."""
    return existing(tx.first(WebhookDelivery, _DELIVERY, id=delivery_id, webhook_id=webhook.id), NoSuchDelivery)


def hold_delivery(tx: Tx, webhook_id: str, delivery_id: str) -> WebhookDelivery | None:
    return tx.first(WebhookDelivery, _HELD_DELIVERY, id=delivery_id, webhook_id=webhook_id)


def list_deliveries(
    tx: Tx, scope: Scope, webhook_id: str, status: DeliveryStatus | None, skip: int, limit: int
) -> tuple[list[DeliveryView], int]:
    """Newest first. Raises NoSuchWebhook."""
    where = [WebhookDelivery.webhook_id == get_webhook(tx, scope, webhook_id).id]
    if status is not None:
        where.append(WebhookDelivery.status == status.value)
    total: int = tx.scalar(sa.select(sa.func.count()).select_from(WebhookDelivery).where(*where))
    found = sa.select(*DELIVERY_COLUMNS).where(*where).order_by(WebhookDelivery.id.desc()).offset(skip).limit(limit)
    return [delivery_view(row) for row in tx.all(WebhookDelivery, found)], total


def delivery_view(row: WebhookDelivery) -> DeliveryView:
    return DeliveryView.model_validate({name: getattr(row, name) for name in DeliveryView.model_fields})


def orphaned_secrets(tx: Tx) -> list[Secret]:
    """Secrets of webhooks that are gone, in all workspaces."""
    return tx.all(Secret, _ORPHANED)


def projects_of(tx: Tx, workspace_id: str, events: Collection[Event]) -> dict[str, str]:
    """The projects of the runs, tasks and agents that these events are about, by their ids."""
    found: dict[str, str] = {}
    for name, statement in _OWNERS.items():
        ids = {value for event in events if (value := getattr(event, name)) is not None}
        if ids:
            rows = tx.all(Run, statement.where(statement.selected_columns["id"].in_(ids)), workspace_id=workspace_id)
            found.update({row.id: row.project_id for row in rows})
    return found
