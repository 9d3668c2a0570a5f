"""An Ask as a row that a person finds: made by the run's worker, taken back undecided where nobody needs it."""

from collections.abc import Collection, Sequence
from datetime import timedelta

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.runs.approval_queries import APPROVAL_COLUMNS, approval_view
from folkmoot.runs.events import ApprovalRequired
from folkmoot.runs.journal import Ask
from folkmoot.runs.moves import emit
from folkmoot.runs.tables import Approval, Run

_INSERT = sa.insert(Approval).returning(*APPROVAL_COLUMNS)
_WITHDRAW = (
    sa.update(Approval)
    .where(Approval.run_id == sa.bindparam("this_run"), Approval.status == "pending")
    .values(status="withdrawn", updated_at=sa.bindparam("at", type_=APPROVAL_COLUMNS["updated_at"].type))
    .returning(*APPROVAL_COLUMNS)
)
_WITHDRAW_THESE = _WITHDRAW.where(Approval.key.in_(sa.bindparam("keys", expanding=True)))


def ask(tx: Tx, run: Run, action: Ask, approval_id: str) -> None:
    """In the unit that appends `waiting`."""
    at = now()
    row = tx.write_returning(
        Approval,
        _INSERT,
        id=approval_id,
        workspace_id=run.workspace_id,
        project_id=run.project_id,
        run_id=run.id,
        key=action.key,
        agent_id=action.agent_id,
        subject=action.subject,
        question=action.question,
        detail=action.detail,
        may_revise=action.may_revise,
        status="pending",
        decision=None,
        feedback=None,
        is_revision=False,
        decided_by=None,
        decided_at=None,
        on_expiry=action.on_expiry,
        expires_at=at + timedelta(seconds=action.expires_seconds),
        created_at=at,
        updated_at=at,
    )
    assert row is not None
    emit(tx, run, ApprovalRequired(approval=approval_view(row, run).model_dump(mode="json")))


def withdraw(tx: Tx, run: Run) -> None:
    """The run ends: nobody needs to decide any more. Its last event is another, so these have no reference to it."""
    _say(tx, run, tx.write_returning_all(Approval, _WITHDRAW, this_run=run.id, at=now()))


def withdraw_these(tx: Tx, run: Run, keys: Collection[str]) -> None:
    """The run goes on without these."""
    _say(tx, run, tx.write_returning_all(Approval, _WITHDRAW_THESE, this_run=run.id, at=now(), keys=sorted(keys)))


def _say(tx: Tx, run: Run, withdrawn: Sequence[Approval]) -> None:
    for row in sorted(withdrawn, key=lambda row: row.id):
        view = approval_view(row, run).model_dump(mode="json")
        changed = ResourceChanged(resource="approval", id=row.id, change="updated", view=view)
        tx.emit(run.workspace_id, changed, room_id=run.room_id)
