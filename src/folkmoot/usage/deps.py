"""What routes may ask for of usage: what a report is of, what budgets are for, ids."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import AfterValidator
from starlette.requests import HTTPConnection

from folkmoot.http.text import Line
from folkmoot.kernel.ids import checked_id
from folkmoot.usage.budgets import BudgetRules
from folkmoot.usage.queries import NoSuchBudget
from folkmoot.usage.reports import Wanted
from folkmoot.usage.rules import BudgetScope
from folkmoot.usage.schemas import GroupBy


def _in_utc(at: datetime) -> datetime:
    """A moment without its zone is meant in UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]


async def _budget_id(budget_id: Annotated[str, Path(description="The budget's id")]) -> str:
    return checked_id(budget_id, NoSuchBudget)


async def _wanted(
    group_by: GroupBy = "model",
    since: Annotated[Moment | None, Query(alias="from", description="The first moment or day, in UTC")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="The moment or day after the last, in UTC")] = None,
    project_id: Line | None = None,
    agent_id: Line | None = None,
) -> Wanted:
    return Wanted(group_by=group_by, since=since, until=until, project_id=project_id, agent_id=agent_id)


async def _filters(scope_kind: BudgetScope | None = None, scope_id: Line | None = None) -> dict[str, str]:
    given = {"scope_kind": scope_kind, "scope_id": scope_id}
    return {name: str(value) for name, value in given.items() if value is not None}


async def _rules(connection: HTTPConnection) -> BudgetRules:
    rules: BudgetRules = connection.app.state.budget_rules
    return rules


BudgetId = Annotated[str, Depends(_budget_id)]
Asked = Annotated[Wanted, Depends(_wanted)]
Filters = Annotated[dict[str, str], Depends(_filters)]
Rules = Annotated[BudgetRules, Depends(_rules)]
