"""What happens to budgets, as facts."""

from dataclasses import dataclass
from typing import ClassVar

from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, kw_only=True)
class BudgetExceeded(Fact):
    """A run may not make its next call: the budget has no room for it, or it is in USD and the price is unknown.

    `needed_*` is the most that the call can take; amounts of USD are decimal strings, null limits are none.
    """

    type = "budget_exceeded"
    example: ClassVar[JsonObject] = {
        "budget_id": "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23",
        "scope_kind": "workspace",
        "scope_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
        "period": "day",
        "reason": "budget",
        "on_exceeded": "pause",
        "usd": "1.00",
        "tokens": None,
        "used_usd": "0.9984",
        "used_tokens": 101220,
        "needed_usd": "0.0113",
        "needed_tokens": 5931,
    }

    budget_id: str
    scope_kind: str
    scope_id: str
    period: str
    reason: str
    on_exceeded: str
    usd: str | None
    tokens: int | None
    used_usd: str
    used_tokens: int
    needed_usd: str | None
    needed_tokens: int
