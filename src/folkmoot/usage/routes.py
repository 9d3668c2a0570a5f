"""Budgets and usage over HTTP: members see them, admins set limits."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from starlette.requests import Request

from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.http.spreadsheet import MEDIA_TYPE
from folkmoot.usage import budgets, queries
from folkmoot.usage.budgets import BudgetExists, BudgetWithoutLimit, NothingToLimit, budget_view
from folkmoot.usage.deps import Asked, BudgetId, Filters, Rules
from folkmoot.usage.queries import NoSuchBudget
from folkmoot.usage.reports import MOST_ROWS, as_csv, report
from folkmoot.usage.schemas import BudgetChange, BudgetPage, BudgetView, NewBudget, UsagePage
from folkmoot.workspaces.deps import Here, HereAsAdmin
from folkmoot.workspaces.queries import NoSuchProject

_HOME = "/api/budgets"

router = APIRouter(tags=["usage"])
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"example": "key,calls\r\n"}}, "description": "The report; as CSV whole"}
}
AsFile = Annotated[Literal["json", "csv"] | None, Query(alias="format", description="Default: what Accept asks for")]


@router.get("/api/usage", response_model=UsagePage, responses=_CSV)
async def get_usage(request: Request, db: Db, here: Here, wanted: Asked, paging: Paging, as_file: AsFile = None) -> Any:
    """What calls of language models took, added up; as CSV without pages."""
    is_csv = as_file == "csv" or (as_file is None and "text/csv" in request.headers.get("accept", ""))
    skip, limit = (0, MOST_ROWS) if is_csv else (paging.skip, paging.limit)
    rows, sums, total = await db.read_long(report, here, wanted, skip, limit)
    if is_csv:
        named = {"Content-Disposition": 'attachment; filename="usage.csv"', "Cache-Control": "no-store"}
        return Response(as_csv(rows), media_type=MEDIA_TYPE, headers=named)
    return UsagePage(group_by=wanted.group_by, sums=sums, usage=rows, total=total, skip=skip, limit=limit)


@router.get(_HOME)
async def list_budgets(db: Db, here: Here, filters: Filters, rules: Rules, paging: Paging) -> BudgetPage:
    """Newest first; a debate's own budget is kept as that of its run."""
    rows, total = await db.read_long(budgets.list_budgets, here, rules, filters, paging.skip, paging.limit)
    found = [budget_view(row) for row in rows]
    return BudgetPage(budgets=found, total=total, skip=paging.skip, limit=paging.limit)


@router.post(_HOME, status_code=201, responses=problems(NothingToLimit, NoSuchProject, BudgetExists))
async def create_budget(new: NewBudget, db: Db, here: HereAsAdmin, rules: Rules, response: Response) -> BudgetView:
    """It counts what is taken from now on."""
    made = await db.write(budgets.create_budget, here, rules, new)
    response.headers["Location"] = f"{_HOME}/{made.id}"
    return budget_view(made)


@router.get(f"{_HOME}/{{budget_id}}", responses=problems(NoSuchBudget))
async def get_budget(db: Db, here: Here, budget_id: BudgetId) -> BudgetView:
    return budget_view(await db.read(queries.get_budget, here, budget_id))


@router.patch(f"{_HOME}/{{budget_id}}", responses=problems(NoSuchBudget, BudgetWithoutLimit))
async def change_budget(change: BudgetChange, db: Db, here: HereAsAdmin, budget_id: BudgetId) -> BudgetView:
    """Runs that wait for it go on within a second once there is room."""
    return budget_view(await db.write(budgets.change_budget, here, budget_id, change))


@router.delete(f"{_HOME}/{{budget_id}}", status_code=204, responses=problems(NoSuchBudget))
async def delete_budget(db: Db, here: HereAsAdmin, budget_id: BudgetId) -> None:
    """What it limited is no longer limited by it."""
    await db.write(budgets.delete_budget, here, budget_id)
