"""Calls of approvals. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.runs import Approval, ApprovalPage
from folkmoot.client.wire import Call


def list_approvals(
    *, status: str | None = None, run_id: str | None = None, skip: int | None = None, limit: int | None = None
) -> Call[ApprovalPage]:
    """Newest first; `?status=pending` is what waits for somebody."""
    return Call(
        "GET",
        "/api/approvals",
        wire.one(ApprovalPage),
        query={"status": status, "run_id": run_id, "skip": skip, "limit": limit},
    )


def get_approval(approval_id: str) -> Call[Approval]:
    return Call("GET", wire.path("/api/approvals/{approval_id}", approval_id=approval_id), wire.one(Approval))


def resolve_approval(
    approval_id: str, decision: str, *, feedback: str | None = None, revise: bool | None = None
) -> Call[Approval]:
    """Decides once; the run goes on from the decision. A second one is refused and told who was first."""
    return Call(
        "POST",
        wire.path("/api/approvals/{approval_id}/resolve", approval_id=approval_id),
        wire.one(Approval),
        body={"decision": decision, "feedback": feedback, "revise": revise},
    )


def approve_run(
    run_id: str, approved: bool, *, feedback: str | None = None, revise: bool | None = None
) -> Call[Approval]:
    """As resolving the one approval that the run waits for."""
    return Call(
        "POST",
        wire.path("/api/runs/{run_id}/approve", run_id=run_id),
        wire.one(Approval),
        body={"approved": approved, "feedback": feedback, "revise": revise},
    )
