"""Budgets and usage reports on the wire. US dollars are decimal strings, tokens those of both directions."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line
from folkmoot.kernel.json import JsonObject
from folkmoot.usage.rules import BudgetScope, OnExceeded, Period

_AT = "2026-11-21T11:43:40.194202Z"
_BUDGET: JsonObject = {
    "id": "01a1fdeb-9e2b-736f-9bc5-3f195b7ea217",
    "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
    "scope_kind": "workspace",
    "scope_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
    "period": "day",
    "usd": "1.5",
    "tokens": None,
    "on_exceeded": "pause",
    "used_usd": "0.0312",
    "used_tokens": 41220,
    "reserved_usd": "0",
    "reserved_tokens": 0,
    "window_at": "2026-11-21T00:00:00Z",
    "created_at": _AT,
    "updated_at": _AT,
}
_SUMS: JsonObject = {
    "calls": 12,
    "input_tokens": 8210,
    "output_tokens": 2105,
    "cached_tokens": 1024,
    "cost_usd": "0.0312",
    "unknown_cost_calls": 0,
    "estimated_calls": 1,
    "cache_hits": 3,
}

Usd = Annotated[Decimal, PlainSerializer(lambda amount: format(amount.normalize(), "f"), return_type=str)]
LimitUsd = Annotated[
    Decimal, Field(gt=0, le=1_000_000, decimal_places=12, description="US dollars, best as a decimal string")
]
LimitTokens = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000_000_000, description="Of both directions")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RunBudget(_Body):
    """What a run may take, the runs below it included. `seconds` is its deadline."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"usd": "0.50", "on_exceeded": "pause"}]})

    usd: LimitUsd | None = None
    tokens: LimitTokens | None = None
    seconds: Annotated[int, Field(strict=True, ge=1, le=604_800)] | None = None
    on_exceeded: OnExceeded = OnExceeded.PAUSE

    @property
    def has_limit(self) -> bool:
        return self.usd is not None or self.tokens is not None


class RunBudgetView(BaseModel):
    """What a run may take, as it is shown."""

    usd: str | None = None
    tokens: int | None = None
    seconds: int | None = None
    on_exceeded: OnExceeded = OnExceeded.PAUSE


class AgentBudget(_Body):
    """What an agent may take, in all its runs together."""

    usd: LimitUsd | None = None
    tokens: LimitTokens | None = None
    on_exceeded: OnExceeded = OnExceeded.PAUSE


class NewBudget(_Body):
    """Limits for a run with those below it, for a debate, an agent, a project or the whole workspace."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scope_kind": "workspace", "period": "day", "usd": "1.50"}]}
    )

    scope_kind: BudgetScope
    scope_id: Line | None = None
    period: Period = Period.TOTAL
    usd: LimitUsd | None = None
    tokens: LimitTokens | None = None
    on_exceeded: OnExceeded = OnExceeded.PAUSE

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.usd is None and self.tokens is None:
            raise ValueError("give a limit: usd, tokens, or both")
        if (self.scope_id is None) != (self.scope_kind == BudgetScope.WORKSPACE):
            raise ValueError("scope_id names the run, debate, agent or project; a workspace's budget has none")
        return self


class BudgetChange(_Body):
    """What is not given stays; null takes a limit off. Runs that wait for the budget go on once there is room."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"usd": "3"}]})

    usd: LimitUsd | None = None
    tokens: LimitTokens | None = None
    on_exceeded: OnExceeded | None = None


class BudgetView(BaseModel):
    """A null limit is none. `used_*` is since `window_at`, or ever; `reserved_*` is set aside for calls under way."""

    model_config = ConfigDict(json_schema_extra={"examples": [_BUDGET]})

    id: str
    workspace_id: str
    scope_kind: BudgetScope
    scope_id: str
    period: Period
    usd: Usd | None
    tokens: int | None
    on_exceeded: OnExceeded
    used_usd: Usd
    used_tokens: int
    reserved_usd: Usd
    reserved_tokens: int
    window_at: datetime | None = Field(description="The day that is counted, in UTC; null where the period is total")
    created_at: datetime
    updated_at: datetime


class BudgetPage(Page):
    budgets: list[BudgetView]


GroupBy = Literal["agent", "model", "project", "day", "kind"]


class UsageSums(BaseModel):
    """`cost_usd` is null where the price of any call is unknown; how many those are is said beside it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUMS]})

    calls: int = Field(description="Calls of language models; answers that were known are none")
    input_tokens: int
    output_tokens: int
    cached_tokens: int = Field(description="Of the input, what the provider had kept")
    cost_usd: Usd | None
    unknown_cost_calls: int
    estimated_calls: int = Field(description="Calls whose tokens nobody counted, or whose answer was lost")
    cache_hits: int = Field(description="Answers that were known: no call was made")


class UsageRow(UsageSums):
    """`key` is the agent's or project's id, `provider:model`, the day in UTC or the kind of run; null where none is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"key": "openai:gpt-5.4-mini", **_SUMS}]})

    key: str | None


class UsagePage(Page):
    """The costliest first, days and kinds in order. `sums` are those of all rows, also of those not on this page."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "group_by": "model",
                    "sums": _SUMS,
                    "usage": [{"key": "openai:gpt-5.4-mini", **_SUMS}],
                    "total": 1,
                    "skip": 0,
                    "limit": 50,
                }
            ]
        }
    )

    group_by: GroupBy
    sums: UsageSums
    usage: list[UsageRow]
