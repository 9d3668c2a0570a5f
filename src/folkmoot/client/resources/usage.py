"""What operations of usage answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource


class Budget(Resource):
    """A null limit is none. `used_*` is since `window_at`, or ever; `reserved_*` is set aside for calls under way."""

    id: str
    workspace_id: str
    scope_kind: str
    scope_id: str
    period: str
    usd: str | None
    tokens: int | None
    on_exceeded: str
    used_usd: str
    used_tokens: int
    reserved_usd: str
    reserved_tokens: int
    window_at: datetime | None
    created_at: datetime
    updated_at: datetime


class BudgetPage(Resource):
    total: int
    skip: int
    limit: int
    budgets: list[Budget]


class RunBudget(Resource):
    """What a run may take, as it is shown."""

    usd: str | None = None
    tokens: int | None = None
    seconds: int | None = None
    on_exceeded: str | None = None


class UsageRow(Resource):
    """`key` is the agent's or project's id, `provider:model`, the day in UTC or the kind of run; null where none
    is.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: str | None
    unknown_cost_calls: int
    estimated_calls: int
    cache_hits: int
    key: str | None


class UsageSums(Resource):
    """`cost_usd` is null where the price of any call is unknown; how many those are is said beside it."""

    calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: str | None
    unknown_cost_calls: int
    estimated_calls: int
    cache_hits: int


class UsagePage(Resource):
    """The costliest first, days and kinds in order. `sums` are those of all rows, also of those not on this page."""

    total: int
    skip: int
    limit: int
    group_by: str
    sums: UsageSums
    usage: list[UsageRow]
