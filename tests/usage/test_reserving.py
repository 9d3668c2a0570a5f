"""Whatever is reserved, settled, lost, refused or given back, in whatever order: no budget is overrun."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.db.base import Table
from folkmoot.db.tx import Tx
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.llm.messages import Ceiling, Usage
from folkmoot.usage.budgets import Allowance, allow
from folkmoot.usage.queries import list_budgets
from folkmoot.usage.reserving import Stake, give_back, reserve, settle, settle_lost
from folkmoot.usage.rules import BudgetScope, OnExceeded, Verdict
from folkmoot.usage.service import Spender
from folkmoot.usage.tables import Budget, BudgetReservation, UsageRecord

TABLES = [model.__table__ for model in (Budget, BudgetReservation, UsageRecord)]
RUNS = ("r1", "r2", "r3")
KEYS = ("a", "b")
_CENTS = st.integers(1, 60).map(lambda cents: Decimal(cents) / 100)
What = Literal["reserve", "settle", "crash", "give_back", "cut"]


@dataclass(frozen=True)
class Step:
    what: What
    run_id: str
    key: str
    ceiling: Decimal
    share: Decimal
    is_closing: bool


STEPS = st.lists(
    st.builds(
        Step,
        what=st.sampled_from(["reserve", "reserve", "settle", "crash", "give_back", "cut"]),
        run_id=st.sampled_from(RUNS),
        key=st.sampled_from(KEYS),
        ceiling=_CENTS,
        share=st.integers(0, 4).map(lambda quarters: Decimal(quarters) / 4),
        is_closing=st.booleans(),
    ),
    max_size=40,
)


@contextmanager
def opened() -> Iterator[Tx]:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        Table.metadata.create_all(connection, tables=TABLES)  # type: ignore[arg-type]
        yield Tx(connection)
    engine.dispose()


SCOPE = Scope("w", "p", SYSTEM)


def budget(tx: Tx, usd: str, kind: BudgetScope, scope_id: str, on_exceeded: OnExceeded) -> None:
    allowance = Allowance(scope_kind=kind, scope_id=scope_id, usd=Decimal(usd), tokens=300, on_exceeded=on_exceeded)
    allow(tx, SCOPE, None, allowance)


def ceiling_of(step: Step) -> Ceiling:
    tokens = int(step.ceiling * 100)
    return Ceiling(provider="p", model="m", input_tokens=tokens, output_tokens=tokens, cost=step.ceiling)


def usage_of(ceiling: Ceiling, share: Decimal) -> Usage:
    assert ceiling.cost is not None
    tokens = int(ceiling.input_tokens * share)
    return Usage(tokens, tokens, 0, ceiling.cost * share, 0.0, "p", "m")


@dataclass
class Play:
    """Flights that are under way, as those who fly them know it."""

    tx: Tx
    flights: dict[tuple[str, str], tuple[str, Ceiling, Usage | None]] = field(default_factory=dict)

    def stake(self, step: Step, flight: str) -> Stake:
        spender = Spender(workspace_id="w", project_id="p", kind="team", run_id=step.run_id)
        above = ("r1",) if step.run_id == "r2" else ()
        return Stake(
            spender=spender,
            run_ids=(step.run_id, *above),
            key=step.key,
            flight=flight,
            is_closing=step.is_closing,
            is_attended=not above,
        )

    def do(self, step: Step) -> None:
        place = (step.run_id, step.key)
        flight, ceiling, spent = self.flights.get(place, (new_id(), ceiling_of(step), None))
        stake = self.stake(step, flight)
        match step.what:
            case "reserve" if place in self.flights:
                first = usage_of(ceiling, step.share)
                spent = first if spent is None else spent + first
                self._ask(stake, ceiling_of(step), spent)
            case "reserve":
                self._ask(stake, ceiling, None)
            case "crash":
                self.flights.pop(place, None)
            case "settle" if place in self.flights:
                taken = usage_of(ceiling, step.share)
                settle(self.tx, stake.spender, {step.key: taken if spent is None else spent + taken})
                del self.flights[place]
            case "cut" if place in self.flights:
                settle(self.tx, stake.spender, {step.key: None})
                del self.flights[place]
            case "give_back" if place in self.flights:
                give_back(self.tx, stake, spent)
                del self.flights[place]

    def _ask(self, stake: Stake, ceiling: Ceiling, spent: Usage | None) -> None:
        settle_lost(self.tx, stake)
        refusal = reserve(self.tx, stake, ceiling, spent)
        place = (stake.run_id, stake.key)
        if refusal is None:
            self.flights[place] = (stake.flight, ceiling, spent)
        elif refusal.verdict != Verdict.BUSY or spent is None:
            self.flights.pop(place, None)


def check(tx: Tx) -> Mapping[str, Budget]:
    rows, _ = list_budgets(tx, SCOPE, {}, 0, 10)
    kept = tx.all(
        BudgetReservation, sa.select(*BudgetReservation.__table__.columns).where(~BudgetReservation.is_waiting)
    )
    for row in rows:
        assert row.limit_usd is not None
        assert row.limit_tokens is not None
        assert row.reserved_usd >= 0
        assert row.used_usd >= 0
        assert row.used_usd + row.reserved_usd <= row.limit_usd
        assert row.used_tokens + row.reserved_tokens <= row.limit_tokens
        assert row.reserved_usd == sum((one.cost or Decimal(0) for one in kept if one.budget_id == row.id), Decimal(0))
    return {row.id: row for row in rows}


@given(STEPS)
def test_no_budget_is_overrun(steps: list[Step]) -> None:
    with opened() as tx:
        budget(tx, "2", BudgetScope.WORKSPACE, "w", OnExceeded.PAUSE)
        budget(tx, "1", BudgetScope.RUN, "r1", OnExceeded.STOP)
        budget(tx, "0.5", BudgetScope.RUN, "r3", OnExceeded.PAUSE)
        play = Play(tx)
        before = check(tx)
        for step in steps:
            play.do(step)
            after = check(tx)
            assert all(after[id].used_usd >= row.used_usd for id, row in before.items()), "what was taken stays taken"
            before = after


def test_a_closing_call_may_take_what_was_kept_back() -> None:
    with opened() as tx:
        budget(tx, "1", BudgetScope.RUN, "r3", OnExceeded.STOP)
        play = Play(tx)
        step = Step("reserve", "r3", "a", Decimal("0.95"), Decimal(1), is_closing=False)
        refusal = reserve(tx, play.stake(step, "f"), ceiling_of(step))
        assert refusal is not None
        assert (refusal.verdict, refusal.on_exceeded) == (Verdict.EXCEEDED, OnExceeded.STOP)
        closing = replace(step, is_closing=True)
        assert reserve(tx, play.stake(closing, "f"), ceiling_of(closing)) is None


def test_others_calls_under_way_make_it_busy_and_not_exceeded() -> None:
    with opened() as tx:
        budget(tx, "1", BudgetScope.WORKSPACE, "w", OnExceeded.PAUSE)
        play = Play(tx)
        first = Step("reserve", "r1", "a", Decimal("0.6"), Decimal(1), is_closing=False)
        assert reserve(tx, play.stake(first, "f"), ceiling_of(first)) is None
        other = replace(first, run_id="r3")
        refusal = reserve(tx, play.stake(other, "g"), ceiling_of(other))
        assert refusal is not None
        assert (refusal.verdict, refusal.fact) == (Verdict.BUSY, None)


def test_a_fraction_of_what_can_be_counted_counts_whole() -> None:
    with opened() as tx:
        budget(tx, "1", BudgetScope.WORKSPACE, "w", OnExceeded.PAUSE)
        step = Step("reserve", "r1", "a", Decimal("0.0000000000001"), Decimal(1), is_closing=False)
        assert reserve(tx, Play(tx).stake(step, "f"), ceiling_of(step)) is None
        (row,) = check(tx).values()
        assert row.reserved_usd == Decimal("0.000000000001")
