"""The verbs of budgets. What they are for may be kept by a room above, which then says whether it is there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Literal

import sqlalchemy as sa

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Invalid, NotFound
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.usage import queries
from folkmoot.usage.covered import Covered
from folkmoot.usage.queries import BUDGET_COLUMNS, find_same, hold_budget, list_of
from folkmoot.usage.reserving import balance_of
from folkmoot.usage.rules import BudgetScope, OnExceeded, Period, window_of
from folkmoot.usage.schemas import BudgetChange, BudgetView, NewBudget
from folkmoot.usage.tables import Budget
from folkmoot.workspaces.queries import get_project

_INSERT = sa.insert(Budget).returning(*BUDGET_COLUMNS)
_CHANGEABLE = ("limit_usd", "limit_tokens", "on_exceeded", "updated_at")
_CHANGE = (
    sa.update(Budget)
    .where(Budget.id == sa.bindparam("this"))
    .values(
        {BUDGET_COLUMNS[name]: sa.bindparam(f"new_{name}", type_=BUDGET_COLUMNS[name].type) for name in _CHANGEABLE}
    )
    .returning(*BUDGET_COLUMNS)
)
_OF_DEBATES = (BudgetScope.DEBATE.value, BudgetScope.RUN.value)
_DELETE = sa.delete(Budget).where(Budget.id == sa.bindparam("this"))

Finds = Callable[[Tx, Scope, str], str | None]
"""The id that a thing of the workspace is counted under, None where there is none."""


class BudgetExists(Conflict):
    """There is a budget for that already"""

    hint = "Change it with PATCH"


class NothingToLimit(NotFound):
    """There is nothing with that id that a budget could be for"""


class BudgetWithoutLimit(Invalid):
    """A budget needs a limit: usd, tokens, or both"""


@dataclass(frozen=True, slots=True)
class BudgetRules:
    """What the verbs need of the process: who knows what a budget may be for, and what hears that there is one."""

    covered: Covered
    finds: Mapping[BudgetScope, Finds] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A budget to be: for what, and how much."""

    scope_kind: BudgetScope
    scope_id: str
    period: Period = Period.TOTAL
    usd: Decimal | None = None
    tokens: int | None = None
    on_exceeded: OnExceeded = OnExceeded.PAUSE


def create_budget(tx: Tx, scope: Scope, rules: BudgetRules, new: NewBudget) -> Budget:
    """Raises NothingToLimit, NoSuchProject, BudgetExists."""
    scope_id = _scope_id(tx, scope, rules, new)
    if find_same(tx, scope, new.scope_kind, scope_id, new.period) is not None:
        raise BudgetExists(scope_kind=new.scope_kind, scope_id=scope_id, period=new.period)
    allowance = Allowance(
        scope_kind=new.scope_kind,
        scope_id=scope_id,
        period=new.period,
        usd=new.usd,
        tokens=new.tokens,
        on_exceeded=new.on_exceeded,
    )
    budget = allow(tx, scope, rules.covered, allowance)
    detail = {"scope_kind": new.scope_kind.value, "scope_id": scope_id, **_limits(budget)}
    record(tx, scope.actor, "create_budget", ("budget", budget.id), scope.workspace_id, **detail)
    return budget


def _scope_id(tx: Tx, scope: Scope, rules: BudgetRules, new: NewBudget) -> str:
    if new.scope_id is None:
        return scope.workspace_id
    if new.scope_kind == BudgetScope.PROJECT:
        return get_project(tx, scope, new.scope_id).id
    find = rules.finds.get(new.scope_kind)
    found = find(tx, scope, new.scope_id) if find is not None else None
    if found is None:
        raise NothingToLimit
    return found


def allow(tx: Tx, scope: Scope, covered: Covered | None, allowance: Allowance) -> Budget:
    """Make a budget, for verbs that make what it is for in the same unit.

    Without `covered` this process takes notice of it within a second, as all others do.
    """
    at = now()
    budget = tx.write_returning(
        Budget,
        _INSERT,
        id=new_id(),
        workspace_id=scope.workspace_id,
        scope_kind=allowance.scope_kind.value,
        scope_id=allowance.scope_id,
        period=allowance.period.value,
        limit_usd=allowance.usd,
        limit_tokens=allowance.tokens,
        used_usd=Decimal(0),
        used_tokens=0,
        reserved_usd=Decimal(0),
        reserved_tokens=0,
        window_at=window_of(allowance.period, at),
        on_exceeded=allowance.on_exceeded.value,
        created_at=at,
        updated_at=at,
    )
    assert budget is not None
    if covered is not None:
        tx.after(partial(covered.add, scope.workspace_id))
    _say(tx, budget, "created")
    return budget


def list_budgets(
    tx: Tx, scope: Scope, rules: BudgetRules, filters: Mapping[str, str], skip: int, limit: int
) -> tuple[list[Budget], int]:
    """Newest first, with the total. Filters: scope_kind, scope_id.

    A thing's budgets are found by every name of it; a debate's own is kept as that of its run.
    """
    wanted = {name: (value,) for name, value in filters.items()}
    kind, scope_id = filters.get("scope_kind"), filters.get("scope_id")
    find = rules.finds.get(BudgetScope(kind)) if kind is not None else None
    if scope_id is not None and find is not None:
        wanted["scope_id"] = (find(tx, scope, scope_id) or scope_id,)
        if kind == BudgetScope.DEBATE:
            return queries.list_budgets(tx, scope, {**wanted, "scope_kind": _OF_DEBATES}, skip, limit)
    return queries.list_budgets(tx, scope, wanted, skip, limit)


def change_budget(tx: Tx, scope: Scope, budget_id: str, change: BudgetChange) -> Budget:
    """Raises NoSuchBudget, BudgetWithoutLimit."""
    budget = hold_budget(tx, scope, budget_id)
    given = change.model_fields_set
    usd = change.usd if "usd" in given else budget.limit_usd
    tokens = change.tokens if "tokens" in given else budget.limit_tokens
    if usd is None and tokens is None:
        raise BudgetWithoutLimit
    changed = _store(tx, budget, usd, tokens, change.on_exceeded or OnExceeded(budget.on_exceeded))
    was = {f"{name}_before": value for name, value in _limits(budget).items()}
    record(tx, scope.actor, "change_budget", ("budget", budget.id), scope.workspace_id, **_limits(changed), **was)
    return changed


def _store(tx: Tx, budget: Budget, usd: Decimal | None, tokens: int | None, on_exceeded: OnExceeded) -> Budget:
    changed = tx.write_returning(
        Budget,
        _CHANGE,
        this=budget.id,
        new_limit_usd=usd,
        new_limit_tokens=tokens,
        new_on_exceeded=on_exceeded.value,
        new_updated_at=now(),
    )
    assert changed is not None, "it is held"
    _say(tx, changed, "updated")
    return changed


def delete_budget(tx: Tx, scope: Scope, budget_id: str) -> None:
    """What it covered is no longer limited by it; runs that wait for it go on. Raises NoSuchBudget."""
    budget = hold_budget(tx, scope, budget_id)
    _remove(tx, budget)
    record(tx, scope.actor, "delete_budget", ("budget", budget.id), scope.workspace_id, **_limits(budget))


def _remove(tx: Tx, budget: Budget) -> None:
    tx.write(_DELETE, {"this": budget.id})
    _say(tx, budget, "deleted")


def forget_budgets(tx: Tx, scope: Scope, scope_kind: BudgetScope, scope_id: str) -> None:
    """What they were for is gone; what it took stays recorded."""
    for budget in list_of(tx, scope, scope_kind, scope_id):
        _remove(tx, budget)


def keep_budget(tx: Tx, scope: Scope, wanted: Allowance) -> None:
    """Make, change or delete the budget for a thing, as that thing's own settings say now."""
    known = find_same(tx, scope, wanted.scope_kind, wanted.scope_id, wanted.period)
    has_limit = wanted.usd is not None or wanted.tokens is not None
    if known is not None:
        budget = hold_budget(tx, scope, known.id)
        if has_limit:
            _store(tx, budget, wanted.usd, wanted.tokens, wanted.on_exceeded)
        else:
            _remove(tx, budget)
    elif has_limit:
        allow(tx, scope, None, wanted)


def budget_view(budget: Budget) -> BudgetView:
    """As it stands now: a day that is over was another one's."""
    at = now()
    balance = balance_of(budget, at)
    return BudgetView(
        id=budget.id,
        workspace_id=budget.workspace_id,
        scope_kind=BudgetScope(budget.scope_kind),
        scope_id=budget.scope_id,
        period=Period(budget.period),
        usd=budget.limit_usd,
        tokens=budget.limit_tokens,
        on_exceeded=OnExceeded(budget.on_exceeded),
        used_usd=balance.used.usd,
        used_tokens=balance.used.tokens,
        reserved_usd=balance.reserved.usd,
        reserved_tokens=balance.reserved.tokens,
        window_at=window_of(budget.period, at),
        created_at=budget.created_at,
        updated_at=budget.updated_at,
    )


def _limits(budget: Budget) -> dict[str, str | int | None]:
    usd = None if budget.limit_usd is None else format(budget.limit_usd, "f")
    return {"usd": usd, "tokens": budget.limit_tokens, "on_exceeded": budget.on_exceeded}


def _say(tx: Tx, budget: Budget, change: Literal["created", "updated", "deleted"]) -> None:
    view = None if change == "deleted" else budget_view(budget).model_dump(mode="json")
    tx.emit(budget.workspace_id, ResourceChanged(resource="budget", id=budget.id, change=change, view=view))
