"""Scripted runs whose calls cost something, and hosts that a test may kill at any moment."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import Scope
from folkmoot.llm.messages import Ceiling, Usage
from folkmoot.runs.held import CallHeld, CallLater
from folkmoot.runs.journal import Call, Fault, Live, Outcome, Use
from folkmoot.runs.queries import get_run
from folkmoot.runs.tables import Run
from folkmoot.usage.budgets import Allowance, allow, budget_view
from folkmoot.usage.covered import Covered
from folkmoot.usage.queries import list_budgets
from folkmoot.usage.rules import BudgetScope, OnExceeded, Period
from folkmoot.usage.schemas import BudgetView
from tests.runs.scripted import Host, Steps, StepsExecutor, at_once

PRICE = Decimal("0.04")
CEILING = Decimal("0.10")


def ceiling(cost: Decimal | None = CEILING, tokens: int = 100) -> Ceiling:
    return Ceiling(provider="openai", model="stub-1", input_tokens=tokens, output_tokens=tokens, cost=cost)


def usage(cost: Decimal | None = PRICE, tokens: int = 10) -> Usage:
    return Usage(tokens, tokens, 0, cost, 0.0, "openai", "stub-1")


async def nothing() -> None:
    await asyncio.sleep(0)


class PaidExecutor(StepsExecutor):
    """Each call is paid for: `asks` before it is made, `took` when it is back; `made` are those that were made."""

    def __init__(self) -> None:
        super().__init__(at_once)
        self.asks: Ceiling = ceiling()
        self.took: Usage | None = usage()
        self.fault: Fault | None = None
        self.during: Callable[[], Awaitable[None]] = nothing
        self.made: list[tuple[str, str]] = []

    async def perform(self, run: Run, state: Steps, action: Call | Use, live: Live) -> Outcome:
        if live.account is not None:
            try:
                await live.account.reserve(self.asks)
            except CallHeld as held:
                return Outcome(held=held.held)
            except CallLater as later:
                await live.account.give_back()
                return Outcome(retry_at=later.at)
        self.made.append((run.id, action.key))
        await self.during()
        if live.account is not None:
            live.account.took(self.took)
        if self.fault is not None:
            return Outcome(fault=self.fault, usage=self.took)
        return Outcome(value={"key": action.key}, usage=self.took)


class PaidHost(Host):
    """As a Host; what there is to pay for is looked at once it starts."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.paid = self.executor = PaidExecutor()
        self.engine.register(self.paid)

    async def start(self) -> "PaidHost":
        await self.engine.budgets.look(self.engine.database)
        await super().start()
        return self


def limit(
    tx: Tx,
    scope: Scope,
    usd: str | None = "1",
    *,
    tokens: int | None = None,
    kind: BudgetScope = BudgetScope.WORKSPACE,
    scope_id: str | None = None,
    period: Period = Period.TOTAL,
    on_exceeded: OnExceeded = OnExceeded.PAUSE,
) -> str:
    """A unit: a budget, of the workspace unless something else is named."""
    allowance = Allowance(
        scope_kind=kind,
        scope_id=scope_id or scope.workspace_id,
        period=period,
        usd=None if usd is None else Decimal(usd),
        tokens=tokens,
        on_exceeded=on_exceeded,
    )
    return allow(tx, scope, Covered(), allowance).id


async def budgets(db: Database, scope: Scope) -> list[BudgetView]:
    """The workspace's, newest first."""
    rows, _ = await db.read(list_budgets, scope, {}, 0, 100)
    return [budget_view(row) for row in rows]


async def at_rest(host: Host, scope: Scope, run: Run) -> Run:
    """The run once it is over or paused; at most 20 seconds."""
    async with asyncio.timeout(20):
        while True:
            seen = await host.engine.database.read(get_run, scope, run.id)
            if seen.status not in ("pending", "running"):
                return seen
            await asyncio.sleep(0)
