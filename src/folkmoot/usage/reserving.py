"""Setting aside what a call can take before it is made, and putting what it took in its place: units of work.

Whoever calls these holds the run's row, so that nobody else is at its reservations; budgets are locked by id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_UP, Decimal

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.db.types import PICO
from folkmoot.kernel.clock import now
from folkmoot.llm.messages import Ceiling, Usage
from folkmoot.usage.events import BudgetExceeded
from folkmoot.usage.queries import (
    BUDGET_COLUMNS,
    RESERVATION_COLUMNS,
    covering_budgets,
    find_budgets,
    hold_budgets,
    reservations,
)
from folkmoot.usage.rules import NOTHING, Amount, Balance, OnExceeded, Verdict, limits_of, window_of
from folkmoot.usage.service import Spender, record
from folkmoot.usage.tables import Budget, BudgetReservation

_BALANCE = ("used_usd", "used_tokens", "reserved_usd", "reserved_tokens", "window_at")
_SAVE = (
    sa.update(Budget)
    .where(Budget.id == sa.bindparam("this"))
    .values({BUDGET_COLUMNS[name]: sa.bindparam(f"new_{name}", type_=BUDGET_COLUMNS[name].type) for name in _BALANCE})
)
_SET_ASIDE = sa.insert(BudgetReservation)
_FORGET = sa.delete(BudgetReservation).where(
    BudgetReservation.run_id == sa.bindparam("this_run"), BudgetReservation.action_key == sa.bindparam("this_key")
)
_SMALLEST = 1 / PICO
_NOTHING_TAKEN = Usage(0, 0, 0, Decimal(0), 0.0, "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """One call of a run as budgets see it. `run_ids` are the run and those above it; `flight` names this try."""

    spender: Spender
    run_ids: tuple[str, ...]
    key: str
    flight: str
    is_closing: bool
    is_attended: bool
    """Whether somebody would see the run wait; one that nobody sees stops."""

    @property
    def run_id(self) -> str:
        return self.run_ids[0]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call may not be made; `fact` is what the log is told, None where it may be made in a moment."""

    verdict: Verdict
    on_exceeded: OnExceeded = OnExceeded.PAUSE
    fact: BudgetExceeded | None = None


def amount_of(taken: Ceiling | BudgetReservation | Usage) -> Amount:
    """In what a budget can count, rounded up; an unknown cost is nothing."""
    return Amount(_counted(taken.cost or Decimal(0)), taken.input_tokens + taken.output_tokens)


def _counted(usd: Decimal) -> Decimal:
    return usd.quantize(_SMALLEST, ROUND_UP)


def settle_lost(tx: Tx, stake: Stake) -> Usage | None:
    """What another flight had set aside for the same action was lost with it: it counts as taken, and is answered."""
    known = reservations(tx, stake.run_id, [stake.key])
    is_lost = any(row.flight != stake.flight and not row.is_waiting for row in known)
    return settle(tx, stake.spender, {stake.key: None}) if is_lost else None


def reserve(tx: Tx, stake: Stake, ceiling: Ceiling, spent: Usage | None = None) -> Refusal | None:
    """Set aside what the next call can take, and what earlier calls of this flight took, of every budget over it.

    Where the answer is no, and not only for now, what this flight took is recorded, and what was refused is kept for
    whoever waits for it.
    """
    at, spender = now(), stake.spender
    known = reservations(tx, stake.run_id, [stake.key])
    mine = {row.budget_id: amount_of(row) for row in known if not row.is_waiting}
    asked = amount_of(ceiling) + (NOTHING if spent is None else amount_of(spent))
    moved, refused = [], []
    for budget in covering_budgets(tx, spender.workspace_id, spender.project_id, spender.agent_id, stake.run_ids):
        balance = balance_of(budget, at).settled(mine.get(budget.id, NOTHING), NOTHING)
        verdict = balance.judge(
            limits_of(budget.limit_usd, budget.limit_tokens, budget.on_exceeded),
            asked,
            is_priced=ceiling.cost is not None,
            is_closing=stake.is_closing,
        )
        if verdict != Verdict.FITS:
            refused.append((budget, verdict))
        moved.append((budget, balance.set_aside(asked)))
    if refused:
        return _refuse(tx, stake, ceiling, spent, refused)
    _forget(tx, stake)
    _save(tx, moved, at)
    _keep(tx, stake, _together(ceiling, spent), [budget for budget, _ in moved], is_waiting=False)
    return None


def _refuse(
    tx: Tx, stake: Stake, ceiling: Ceiling, spent: Usage | None, refused: Sequence[tuple[Budget, Verdict]]
) -> Refusal:
    final = [(budget, verdict) for budget, verdict in refused if verdict != Verdict.BUSY]
    if not final:
        return Refusal(Verdict.BUSY)
    give_back(tx, stake, spent)
    stopping = [found for found in final if found[0].on_exceeded == OnExceeded.STOP or not stake.is_attended]
    budget, verdict = (stopping or final)[0]
    if not stopping:
        _keep(tx, stake, ceiling, [found[0] for found in final], is_waiting=True)
    on_exceeded = OnExceeded.STOP if stopping else OnExceeded.PAUSE
    return Refusal(verdict, on_exceeded, _fact(budget, verdict, on_exceeded, ceiling))


def give_back(tx: Tx, stake: Stake, spent: Usage | None) -> None:
    """What was set aside for a call that is to be asked again later, but for what its earlier tries took."""
    settle(tx, stake.spender, {stake.key: spent or _NOTHING_TAKEN})
    if spent is not None:
        record(tx, stake.spender, spent)


def settle(tx: Tx, spender: Spender, taken: Mapping[str, Usage | None]) -> Usage | None:
    """What calls of the spender's run have taken, by action, in place of what was set aside for them.

    None is an answer that was lost: it counts with the most it can have taken, and is recorded as estimated. Answers
    the sum of those. Where nothing was set aside nothing is counted.
    """
    if not taken or spender.run_id is None:
        return None
    at = now()
    rows = [row for row in reservations(tx, spender.run_id, taken) if not row.is_waiting]
    moved = {
        budget.id: (budget, balance_of(budget, at)) for budget in hold_budgets(tx, {row.budget_id for row in rows})
    }
    for row in rows:
        budget, balance = moved[row.budget_id]
        moved[row.budget_id] = (budget, balance.settled(amount_of(row), _taken(row, taken[row.action_key])))
    _save(tx, [*moved.values()], at)
    tx.write(_FORGET, [{"this_run": spender.run_id, "this_key": key} for key in taken])
    lost: Usage | None = None
    for row in {row.action_key: row for row in rows if taken[row.action_key] is None}.values():
        usage = estimate_of(row)
        record(tx, replace(spender, agent_id=row.agent_id), usage)
        lost = usage if lost is None else lost + usage
    return lost


def _taken(row: BudgetReservation, usage: Usage | None) -> Amount:
    if usage is None:
        return amount_of(row)
    known = amount_of(usage)
    return known if usage.cost is not None else Amount(amount_of(row).usd, known.tokens)


def _together(ceiling: Ceiling, spent: Usage | None) -> Ceiling:
    if spent is None:
        return ceiling
    return replace(
        ceiling,
        input_tokens=ceiling.input_tokens + spent.input_tokens,
        output_tokens=ceiling.output_tokens + spent.output_tokens,
        cost=None if ceiling.cost is None else _counted(ceiling.cost) + _counted(spent.cost or Decimal(0)),
    )


def estimate_of(row: BudgetReservation) -> Usage:
    """The most that a call can have taken, as what it took."""
    return Usage(
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cached_tokens=0,
        cost=row.cost,
        latency_seconds=0.0,
        provider=row.provider,
        model=row.model,
        estimated=True,
    )


def balance_of(budget: Budget, at: datetime) -> Balance:
    """Where a budget stands: of a day that is over only what is still set aside counts."""
    reserved = Amount(budget.reserved_usd, budget.reserved_tokens)
    if budget.window_at != window_of(budget.period, at):
        return Balance(NOTHING, reserved)
    return Balance(Amount(budget.used_usd, budget.used_tokens), reserved)


def has_room(tx: Tx, refused: Sequence[BudgetReservation], at: datetime) -> bool:
    """Whether everything that was refused would be granted now; a budget that is gone refuses nothing."""
    budgets = {budget.id: budget for budget in find_budgets(tx, {row.budget_id for row in refused})}
    asked = ((budgets[row.budget_id], row) for row in refused if row.budget_id in budgets)
    return all(
        balance_of(budget, at).judge(
            limits_of(budget.limit_usd, budget.limit_tokens, budget.on_exceeded),
            amount_of(row),
            is_priced=row.cost is not None,
            is_closing=row.is_closing,
        )
        == Verdict.FITS
        for budget, row in asked
    )


def _save(tx: Tx, moved: Sequence[tuple[Budget, Balance]], at: datetime) -> None:
    rows = [
        {
            "this": budget.id,
            "new_used_usd": balance.used.usd,
            "new_used_tokens": balance.used.tokens,
            "new_reserved_usd": balance.reserved.usd,
            "new_reserved_tokens": balance.reserved.tokens,
            "new_window_at": window_of(budget.period, at),
        }
        for budget, balance in moved
    ]
    tx.write(_SAVE, rows)


def _forget(tx: Tx, stake: Stake) -> None:
    tx.write(_FORGET, {"this_run": stake.run_id, "this_key": stake.key})


def _keep(tx: Tx, stake: Stake, ceiling: Ceiling, budgets: Sequence[Budget], *, is_waiting: bool) -> None:
    same = {
        "run_id": stake.run_id,
        "action_key": stake.key,
        "workspace_id": stake.spender.workspace_id,
        "flight": stake.flight,
        "is_waiting": is_waiting,
        "is_closing": stake.is_closing,
        "agent_id": stake.spender.agent_id,
        "provider": ceiling.provider,
        "model": ceiling.model,
        "input_tokens": ceiling.input_tokens,
        "output_tokens": ceiling.output_tokens,
        "cost": None if ceiling.cost is None else amount_of(ceiling).usd,
        "at": now(),
    }
    assert same.keys() | {"budget_id"} == set(RESERVATION_COLUMNS.keys())
    tx.write(_SET_ASIDE, [{**same, "budget_id": budget.id} for budget in budgets])


def _fact(budget: Budget, verdict: Verdict, on_exceeded: OnExceeded, ceiling: Ceiling) -> BudgetExceeded:
    used, asked = balance_of(budget, now()).used, amount_of(ceiling)
    return BudgetExceeded(
        budget_id=budget.id,
        scope_kind=budget.scope_kind,
        scope_id=budget.scope_id,
        period=budget.period,
        reason="budget" if verdict == Verdict.EXCEEDED else verdict.value,
        on_exceeded=on_exceeded.value,
        usd=None if budget.limit_usd is None else format(budget.limit_usd, "f"),
        tokens=budget.limit_tokens,
        used_usd=format(used.usd, "f"),
        used_tokens=used.tokens,
        needed_usd=None if ceiling.cost is None else format(asked.usd, "f"),
        needed_tokens=asked.tokens,
    )
