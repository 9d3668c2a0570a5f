"""Calls of usage. Written by `make docs`."""

from datetime import datetime

from folkmoot.client import wire
from folkmoot.client.resources.usage import Budget, BudgetPage, UsagePage
from folkmoot.client.wire import Call


def get_usage(
    *,
    format: str | None = None,
    group_by: str | None = None,
    from_: datetime | None = None,
    to: datetime | None = None,
    project_id: str | None = None,
    agent_id: str | int | None = None,
    skip: int | None = None,
    limit: int | None = None,
) -> Call[UsagePage]:
    """What calls of language models took, added up; as CSV without pages."""
    return Call(
        "GET",
        "/api/usage",
        wire.one(UsagePage),
        query={
            "format": format,
            "group_by": group_by,
            "from": from_,
            "to": to,
            "project_id": project_id,
            "agent_id": agent_id,
            "skip": skip,
            "limit": limit,
        },
    )


def list_budgets(
    *, scope_kind: str | None = None, scope_id: str | None = None, skip: int | None = None, limit: int | None = None
) -> Call[BudgetPage]:
    """Newest first; a debate's own budget is kept as that of its run."""
    return Call(
        "GET",
        "/api/budgets",
        wire.one(BudgetPage),
        query={"scope_kind": scope_kind, "scope_id": scope_id, "skip": skip, "limit": limit},
    )


def create_budget(
    scope_kind: str,
    *,
    scope_id: str | None = None,
    period: str | None = None,
    usd: float | str | None = None,
    tokens: int | None = None,
    on_exceeded: str | None = None,
) -> Call[Budget]:
    """It counts what is taken from now on."""
    return Call(
        "POST",
        "/api/budgets",
        wire.one(Budget),
        body={
            "scope_kind": scope_kind,
            "scope_id": scope_id,
            "period": period,
            "usd": usd,
            "tokens": tokens,
            "on_exceeded": on_exceeded,
        },
    )


def get_budget(budget_id: str) -> Call[Budget]:
    return Call("GET", wire.path("/api/budgets/{budget_id}", budget_id=budget_id), wire.one(Budget))


def change_budget(
    budget_id: str, *, usd: float | str | None = None, tokens: int | None = None, on_exceeded: str | None = None
) -> Call[Budget]:
    """Runs that wait for it go on within a second once there is room."""
    return Call(
        "PATCH",
        wire.path("/api/budgets/{budget_id}", budget_id=budget_id),
        wire.one(Budget),
        body={"usd": usd, "tokens": tokens, "on_exceeded": on_exceeded},
    )


def delete_budget(budget_id: str) -> Call[None]:
    """What it limited is no longer limited by it."""
    return Call("DELETE", wire.path("/api/budgets/{budget_id}", budget_id=budget_id), wire.nothing)
