"""What a run's calls have taken of the budgets over it, counted in the unit that records their answers."""

from collections.abc import Mapping
from decimal import Decimal

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.llm.messages import Usage
from folkmoot.runs.ports import Engine
from folkmoot.runs.queries import RUN_COLUMNS
from folkmoot.runs.tables import Run
from folkmoot.usage.budgets import Allowance, allow
from folkmoot.usage.queries import find_same
from folkmoot.usage.reserving import settle
from folkmoot.usage.rules import BudgetScope, OnExceeded, Period
from folkmoot.usage.schemas import RunBudget
from folkmoot.usage.service import Spender

CUT = "timed_out"
"""The fault of a call that was cut off in flight: nobody knows what it took."""

_NOTHING = Usage(0, 0, 0, Decimal(0), 0.0, "", "")
_CHARGE = (
    sa.update(Run)
    .where(Run.id == sa.bindparam("this_run"))
    .values(
        input_tokens=Run.input_tokens + sa.bindparam("tokens_in"),
        output_tokens=Run.output_tokens + sa.bindparam("tokens_out"),
        model_calls=Run.model_calls + 1,
        cost=Run.cost + sa.bindparam("spent", type_=RUN_COLUMNS.cost.type),
    )
)


def is_covered(engine: Engine, run: Run) -> bool:
    """Whether there may be a budget over the run; False costs nothing and is what nearly all replies hear.

    A child may come under the budget of a run above it.
    """
    return run.is_budgeted or run.parent_run_id is not None or engine.budgets.has(run.workspace_id)


def spender_of(run: Run, agent_id: str | None) -> Spender:
    return Spender(
        workspace_id=run.workspace_id, project_id=run.project_id, kind=run.kind, run_id=run.id, agent_id=agent_id
    )


def budget_run(tx: Tx, engine: Engine, scope: Scope, run: Run, budget: RunBudget) -> None:
    """Make the run's own budget, in the unit that starts the run."""
    if run.is_budgeted:
        allowance = Allowance(
            scope_kind=BudgetScope.RUN,
            scope_id=run.id,
            usd=budget.usd,
            tokens=budget.tokens,
            on_exceeded=budget.on_exceeded,
        )
        allow(tx, scope, engine.budgets, allowance)


def find_run_budget(tx: Tx, scope: Scope, run: Run) -> RunBudget | None:
    """What the run may take by a budget of its own, for another that is to be like it."""
    found = find_same(tx, scope, BudgetScope.RUN, run.id, Period.TOTAL) if run.is_budgeted else None
    if found is None:
        return None
    return RunBudget(usd=found.limit_usd, tokens=found.limit_tokens, on_exceeded=OnExceeded(found.on_exceeded))


def settle_calls(tx: Tx, run: Run, calls: Mapping[str, Usage | None]) -> None:
    """Count what calls took, by action; None is an answer that was lost, counted at its most."""
    lost = settle(tx, spender_of(run, None), calls)
    if lost is not None:
        charge(tx, run.id, lost)


def taken_by(data: JsonObject, usage: Usage | None) -> Usage | None:
    """What the call that an entry records took, None where nobody can know."""
    match data.get("fault"):
        case {"code": code} if code == CUT and usage is None:
            return None
        case _:
            return usage or _NOTHING


def charge(tx: Tx, run_id: str, usage: Usage) -> None:
    """Add to the run's totals what no entry of its journal tells."""
    tx.write(
        _CHARGE,
        {
            "this_run": run_id,
            "tokens_in": usage.input_tokens,
            "tokens_out": usage.output_tokens,
            "spent": usage.cost,
        },
    )
