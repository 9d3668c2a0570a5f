"""Approvals over HTTP: what runs ask the people of a workspace, and deciding it."""

from typing import Annotated

from fastapi import APIRouter, Query

from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.http.text import Line
from folkmoot.runs import approval_queries, approvals
from folkmoot.runs.approval_queries import NoSuchApproval
from folkmoot.runs.approval_schemas import ApprovalPage, ApprovalStatus, ApprovalView, Resolution, RunApproval
from folkmoot.runs.approvals import ApprovalIsDecided, NotOneApproval, NotRevisable
from folkmoot.runs.deps import ApprovalId, Engine, RunId
from folkmoot.runs.queries import NoSuchRun
from folkmoot.workspaces.deps import Here

router = APIRouter(tags=["approvals"])
_UNKNOWN = problems(NoSuchApproval)


@router.get("/api/approvals")
async def list_approvals(
    db: Db,
    here: Here,
    paging: Paging,
    status: Annotated[ApprovalStatus | None, Query()] = None,
    run_id: Annotated[Line | None, Query()] = None,
) -> ApprovalPage:
    """Newest first; `?status=pending` is what waits for somebody."""
    found, total = await db.read_long(approval_queries.list_approvals, here, status, run_id, paging.skip, paging.limit)
    return ApprovalPage(approvals=found, total=total, skip=paging.skip, limit=paging.limit)


@router.get("/api/approvals/{approval_id}", responses=_UNKNOWN)
async def get_approval(db: Db, here: Here, approval_id: ApprovalId) -> ApprovalView:
    return await db.read(approval_queries.show_approval, here, approval_id)


@router.post(
    "/api/approvals/{approval_id}/resolve", responses=problems(NoSuchApproval, ApprovalIsDecided, NotRevisable)
)
async def resolve_approval(engine: Engine, here: Here, approval_id: ApprovalId, given: Resolution) -> ApprovalView:
    """Decides once; the run goes on from the decision. A second one is refused and told who was first."""
    return await engine.database.write(approvals.resolve, engine, here, approval_id, given)


@router.post(
    "/api/runs/{run_id}/approve", responses=problems(NoSuchRun, NotOneApproval, ApprovalIsDecided, NotRevisable)
)
async def approve_run(engine: Engine, here: Here, run_id: RunId, given: RunApproval) -> ApprovalView:
    """As resolving the one approval that the run waits for."""
    return await engine.database.write(approvals.resolve_of_run, engine, here, run_id, given.as_resolution())
