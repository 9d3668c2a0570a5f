"""Every SELECT of approvals."""

from datetime import datetime

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound
from folkmoot.kernel.scope import Scope
from folkmoot.runs.approval_schemas import ApprovalStatus, ApprovalView
from folkmoot.runs.queries import is_shown, of_shown_rooms
from folkmoot.runs.tables import Approval, Run

APPROVAL_COLUMNS = Approval.__table__.columns
_OF_ROW = (
    *("id", "workspace_id", "project_id", "run_id", "agent_id", "key", "subject", "question", "detail"),
    *("may_revise", "status", "decision", "feedback", "decided_by", "decided_at", "on_expiry", "expires_at"),
    *("created_at", "updated_at"),
)
_WITH_RUN = sa.select(*APPROVAL_COLUMNS, Run.title, Run.kind, Run.task_id, Run.room_id).join(
    Run, Run.id == Approval.run_id
)
_ONE = _WITH_RUN.where(Approval.id == sa.bindparam("id"), Approval.workspace_id == sa.bindparam("workspace_id"))
_PENDING_OF = (
    sa.select(Approval.id)
    .where(Approval.run_id == sa.bindparam("run_id"), Approval.status == "pending")
    .order_by(Approval.id)
)
_EXPIRED = (
    sa.select(Approval.id, Approval.run_id, Approval.workspace_id)
    .where(
        Approval.status == "pending",
        Approval.expires_at <= sa.bindparam("at", type_=APPROVAL_COLUMNS["expires_at"].type),
    )
    .order_by(Approval.expires_at)
    .limit(1000)
)


class NoSuchApproval(NotFound):
    """Approval not found"""


class AskedRow(Approval):
    """An approval with what its view says of its run."""

    __abstract__ = True

    title: str
    kind: str
    task_id: str | None
    room_id: str | None


def approval_view(row: Approval, run: Run | AskedRow) -> ApprovalView:
    about = {"run_title": run.title, "run_kind": run.kind, "task_id": run.task_id, "revise": row.is_revision}
    return ApprovalView.model_validate({**{name: getattr(row, name) for name in _OF_ROW}, **about})


def get_approval(tx: Tx, scope: Scope, approval_id: str) -> AskedRow:
    """Raises NoSuchApproval, for another workspace's too."""
    found = tx.first(AskedRow, _ONE, id=approval_id, workspace_id=scope.workspace_id)
    if found is None or not is_shown(tx, scope, found):
        raise NoSuchApproval
    return found


def show_approval(tx: Tx, scope: Scope, approval_id: str) -> ApprovalView:
    """Raises NoSuchApproval."""
    found = get_approval(tx, scope, approval_id)
    return approval_view(found, found)


def pending_approvals(tx: Tx, run_id: str) -> list[str]:
    """The ids of what a run waits for people with, the oldest first."""
    return [row.id for row in tx.all(Approval, _PENDING_OF, run_id=run_id)]


def expired_approvals(tx: Tx, at: datetime) -> list[Approval]:
    """Id, run and workspace of those whose time is up, at most 1,000, the longest first."""
    return tx.all(Approval, _EXPIRED, at=at)


def list_approvals(
    tx: Tx, scope: Scope, status: ApprovalStatus | None, run_id: str | None, skip: int, limit: int
) -> tuple[list[ApprovalView], int]:
    """Newest first, with the total."""
    where = [Approval.workspace_id == scope.workspace_id, of_shown_rooms(scope)]
    if status is not None:
        where.append(Approval.status == status)
    if run_id is not None:
        where.append(Approval.run_id == run_id)
    total: int = tx.scalar(
        sa.select(sa.func.count()).select_from(Approval).join(Run, Run.id == Approval.run_id).where(*where)
    )
    found = _WITH_RUN.where(*where).order_by(Approval.id.desc()).offset(skip).limit(limit)
    return [approval_view(row, row) for row in tx.all(AskedRow, found)], total
