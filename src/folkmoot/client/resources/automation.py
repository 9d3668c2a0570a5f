"""What operations of automation answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class Delivery(Resource):
    """An event on its way: `next_at` is when it is tried (again); what was answered last is cut to 1 KB."""

    id: str
    seq: int | None
    event_type: str
    status: str
    attempts: int
    next_at: datetime | None
    response_status: int | None
    response_body: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime


class DeliveryPage(Resource):
    total: int
    skip: int
    limit: int
    deliveries: list[Delivery]


class MadeWebhook(Resource):
    """`secret` is shown this once; with it the receiver checks the signature of each call."""

    id: str
    workspace_id: str
    project_id: str | None
    name: str
    types: list[str]
    is_enabled: bool
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime
    url: str
    secret: str


class Schedule(Resource):
    """`last_at` is when it was last due or run by hand, `last_error` why that started no run."""

    id: str
    workspace_id: str
    project_id: str
    name: str
    cron: str
    zone: str
    task_id: str
    input: JsonObject
    is_paused: bool
    next_at: datetime | None
    last_at: datetime | None
    last_run_id: str | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime


class SchedulePage(Resource):
    total: int
    skip: int
    limit: int
    schedules: list[Schedule]


class ScheduleStart(Resource):
    """One time of a schedule: `due_at` is null of a run by hand; `status` is its run's, null once that is deleted."""

    id: str
    due_at: datetime | None
    at: datetime
    run_id: str | None
    status: str | None
    error_code: str | None
    error_message: str | None


class ScheduleStartPage(Resource):
    total: int
    skip: int
    limit: int
    starts: list[ScheduleStart]


class Webhook(Resource):
    id: str
    workspace_id: str
    project_id: str | None
    name: str
    types: list[str]
    is_enabled: bool
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime
    url: str


class WebhookPage(Resource):
    total: int
    skip: int
    limit: int
    webhooks: list[Webhook]
