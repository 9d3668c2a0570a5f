"""Every SELECT of budgets and of what is set aside of them."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound, existing
from folkmoot.kernel.scope import Scope
from folkmoot.usage.rules import BudgetScope
from folkmoot.usage.tables import Budget, BudgetReservation

BUDGET_COLUMNS = Budget.__table__.columns
RESERVATION_COLUMNS = BudgetReservation.__table__.columns

_BUDGETS = sa.select(*BUDGET_COLUMNS)
_BUDGET = _BUDGETS.where(Budget.id == sa.bindparam("id"), Budget.workspace_id == sa.bindparam("workspace_id"))
_HELD_BUDGET = _BUDGET.with_for_update()
_OF_RUN = Budget.scope_kind.in_((BudgetScope.RUN.value, BudgetScope.DEBATE.value))
_COVERING = (
    _BUDGETS.where(
        Budget.workspace_id == sa.bindparam("workspace_id"),
        sa.or_(
            Budget.scope_kind == BudgetScope.WORKSPACE.value,
            (Budget.scope_kind == BudgetScope.PROJECT.value) & (Budget.scope_id == sa.bindparam("project_id")),
            (Budget.scope_kind == BudgetScope.AGENT.value) & (Budget.scope_id == sa.bindparam("agent_id")),
            _OF_RUN & Budget.scope_id.in_(sa.bindparam("run_ids", expanding=True)),
        ),
    )
    .order_by(Budget.id)
    .with_for_update()
)
_THESE = _BUDGETS.where(Budget.id.in_(sa.bindparam("ids", expanding=True))).order_by(Budget.id)
_HELD_THESE = _THESE.with_for_update()
_OF_ACTIONS = (
    sa.select(*RESERVATION_COLUMNS)
    .where(
        BudgetReservation.run_id == sa.bindparam("run_id"),
        BudgetReservation.action_key.in_(sa.bindparam("keys", expanding=True)),
    )
    .order_by(BudgetReservation.action_key, BudgetReservation.budget_id)
)
_BUDGETED = sa.select(Budget.workspace_id).distinct()
_SAME = _BUDGETS.where(
    Budget.workspace_id == sa.bindparam("workspace_id"),
    Budget.scope_kind == sa.bindparam("scope_kind"),
    Budget.scope_id == sa.bindparam("scope_id"),
    Budget.period == sa.bindparam("period"),
)
_OF_THING = (
    _BUDGETS.where(
        Budget.workspace_id == sa.bindparam("workspace_id"),
        Budget.scope_kind == sa.bindparam("scope_kind"),
        Budget.scope_id == sa.bindparam("scope_id"),
    )
    .order_by(Budget.id)
    .with_for_update()
)
_WAITING = sa.select(*RESERVATION_COLUMNS).where(
    BudgetReservation.is_waiting, BudgetReservation.run_id.in_(sa.bindparam("run_ids", expanding=True))
)


class NoSuchBudget(NotFound):
    """Budget not found"""


def get_budget(tx: Tx, scope: Scope, budget_id: str) -> Budget:
    """Raises NoSuchBudget, for another workspace's too."""
    return existing(tx.first(Budget, _BUDGET, id=budget_id, workspace_id=scope.workspace_id), NoSuchBudget)


def hold_budget(tx: Tx, scope: Scope, budget_id: str) -> Budget:
    """As `get_budget`, and nothing is set aside of it by others until the unit ends."""
    return existing(tx.first(Budget, _HELD_BUDGET, id=budget_id, workspace_id=scope.workspace_id), NoSuchBudget)


def find_same(tx: Tx, scope: Scope, scope_kind: str, scope_id: str, period: str) -> Budget | None:
    """The budget for the same thing and period."""
    return tx.first(
        Budget, _SAME, workspace_id=scope.workspace_id, scope_kind=scope_kind, scope_id=scope_id, period=period
    )


def list_of(tx: Tx, scope: Scope, scope_kind: str, scope_id: str) -> list[Budget]:
    """The budgets for a thing, held."""
    return tx.all(Budget, _OF_THING, workspace_id=scope.workspace_id, scope_kind=scope_kind, scope_id=scope_id)


def list_budgets(
    tx: Tx, scope: Scope, filters: Mapping[str, Collection[str]], skip: int, limit: int
) -> tuple[list[Budget], int]:
    """Newest first, with the total. Filters: scope_kind, scope_id, each by what it may be."""
    where = [Budget.workspace_id == scope.workspace_id]
    where += [BUDGET_COLUMNS[name].in_(values) for name, values in filters.items()]
    total = tx.scalar(sa.select(sa.func.count()).select_from(Budget).where(*where))
    found = _BUDGETS.where(*where).order_by(Budget.id.desc()).offset(skip).limit(limit)
    return tx.all(Budget, found), total


def covering_budgets(
    tx: Tx, workspace_id: str, project_id: str, agent_id: str | None, run_ids: Sequence[str]
) -> list[Budget]:
    """Those that a call comes under, held, in the order of their ids: the only order in which budgets are locked."""
    return tx.all(
        Budget, _COVERING, workspace_id=workspace_id, project_id=project_id, agent_id=agent_id, run_ids=list(run_ids)
    )


def hold_budgets(tx: Tx, ids: Collection[str]) -> list[Budget]:
    """These, held, in the order of their ids; those that were deleted are missing."""
    return tx.all(Budget, _HELD_THESE, ids=sorted(ids)) if ids else []


def find_budgets(tx: Tx, ids: Collection[str]) -> list[Budget]:
    """These, as they are; those that were deleted are missing."""
    return tx.all(Budget, _THESE, ids=sorted(ids)) if ids else []


def reservations(tx: Tx, run_id: str, keys: Collection[str]) -> list[BudgetReservation]:
    """What is set aside for, or refused to, these actions of a run. Whoever asks holds the run's row."""
    return tx.all(BudgetReservation, _OF_ACTIONS, run_id=run_id, keys=sorted(keys))


def budgeted_workspaces(tx: Tx) -> set[str]:
    """The workspaces that have any budget."""
    return {row.workspace_id for row in tx.all(Budget, _BUDGETED)}


def waiting_reservations(tx: Tx, run_ids: Collection[str]) -> list[BudgetReservation]:
    """What was refused to these runs."""
    return tx.all(BudgetReservation, _WAITING, run_ids=list(run_ids))
