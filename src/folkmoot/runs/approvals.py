"""Deciding what a run asks: once, in the unit that tells the run, by a person or by the time that is up."""

import sqlalchemy as sa

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Invalid
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.runs.append import NewEntry, lock_run, verb_step
from folkmoot.runs.approval_queries import APPROVAL_COLUMNS, approval_view, get_approval, pending_approvals
from folkmoot.runs.approval_schemas import ApprovalView, Resolution
from folkmoot.runs.events import Approved, Rejected
from folkmoot.runs.folded import fold
from folkmoot.runs.moves import emit, go_on
from folkmoot.runs.ports import Engine
from folkmoot.runs.queries import get_run, journal
from folkmoot.runs.tables import Approval, Run

_STATUS = {"approve": "approved", "reject": "rejected"}
_DECIDE = (
    sa.update(Approval)
    .where(Approval.id == sa.bindparam("this_approval"), Approval.status == "pending")
    .values(
        status=sa.bindparam("new_status"),
        decision=sa.bindparam("new_decision"),
        feedback=sa.bindparam("said"),
        is_revision=sa.bindparam("revise"),
        decided_by=sa.bindparam("who", type_=APPROVAL_COLUMNS["decided_by"].type),
        decided_at=sa.bindparam("at", type_=APPROVAL_COLUMNS["decided_at"].type),
        updated_at=sa.bindparam("at", type_=APPROVAL_COLUMNS["updated_at"].type),
    )
    .returning(*APPROVAL_COLUMNS)
)
_EXPIRE = _DECIDE.where(Approval.expires_at <= sa.bindparam("now", type_=APPROVAL_COLUMNS["expires_at"].type)).values(
    decision=Approval.on_expiry
)


class ApprovalIsDecided(Conflict):
    """This is decided already"""


class NotOneApproval(Conflict):
    """The run does not wait for one decision"""

    hint = "GET /api/approvals?status=pending&run_id= lists what it waits for"


class NotRevisable(Invalid):
    """This may be rejected, but not sent back for another try"""


def resolve(tx: Tx, engine: Engine, scope: Scope, approval_id: str, given: Resolution) -> ApprovalView:
    """Decide, and let the run go on from it. Raises NoSuchApproval, ApprovalIsDecided, NotRevisable."""
    seen = get_approval(tx, scope, approval_id)
    if given.revise and not (seen.may_revise and given.decision == "reject"):
        raise NotRevisable(may_revise=seen.may_revise)
    if seen.status != "pending":
        raise _decided(seen)
    run = _hold(tx, seen)
    actor = scope.actor
    approval = tx.write_returning(
        Approval,
        _DECIDE,
        this_approval=seen.id,
        new_status=_STATUS[given.decision],
        new_decision=given.decision,
        said=given.feedback,
        revise=given.revise,
        who={"kind": actor.kind, "id": actor.id, "name": actor.name},
        at=now(),
    )
    if approval is None:
        raise _decided(get_approval(tx, scope, approval_id))
    record(tx, actor, "resolve_approval", ("approval", approval.id), run.workspace_id, decision=given.decision)
    return _tell(tx, engine, run, approval, given.decision)


def resolve_of_run(tx: Tx, engine: Engine, scope: Scope, run_id: str, given: Resolution) -> ApprovalView:
    """Decide the one thing that the run asks.

    Raises NoSuchRun, NotOneApproval, and as `resolve`.
    """
    run = get_run(tx, scope, run_id)
    pending = pending_approvals(tx, run.id)
    if len(pending) != 1:
        raise NotOneApproval(status_now=run.status, approvals=[*pending])
    return resolve(tx, engine, scope, pending[0], given)


def expire(tx: Tx, engine: Engine, seen: Approval) -> None:
    """What nobody has decided in time is decided as was said when it was asked."""
    run = _hold(tx, seen)
    approval = tx.write_returning(
        Approval,
        _EXPIRE,
        this_approval=seen.id,
        new_status="expired",
        said=None,
        revise=False,
        who=None,
        at=now(),
        now=now(),
    )
    if approval is not None:
        detail: JsonObject = {"decision": approval.decision}
        record(tx, SYSTEM, "expire_approval", ("approval", approval.id), run.workspace_id, **detail)
        _tell(tx, engine, run, approval, "approve" if approval.decision == "approve" else "expired")


def _hold(tx: Tx, approval: Approval) -> Run:
    run = lock_run(tx, approval.workspace_id, approval.run_id)
    assert run is not None, "an approval goes with its run"
    return run


def _tell(tx: Tx, engine: Engine, run: Run, approval: Approval, decision: str) -> ApprovalView:
    """The run's action is done by the decision, and the run goes on or its worker hears of it."""
    view = approval_view(approval, run)
    told = view.model_dump(mode="json")
    emit(tx, run, Approved(approval=told) if approval.decision == "approve" else Rejected(approval=told))
    value: JsonObject = {"decision": decision, "feedback": approval.feedback, "revise": approval.is_revision}
    done = NewEntry("done", approval.key, {"value": {**value, "by": approval.decided_by}})
    known = fold(engine.executor(run.kind), run, journal(tx, run.id))
    go_on(tx, engine, verb_step(tx, engine, known, done).run)
    return view


def _decided(approval: Approval) -> ApprovalIsDecided:
    by = approval.decided_by
    unsaid = {"expired": "It has expired", "withdrawn": "Its run has ended, or goes on without it"}
    sentence = unsaid.get(approval.status)
    if sentence is None:
        sentence = f"It was {approval.status} by {by.get('name') if by else 'somebody'}"
    return ApprovalIsDecided(sentence, status_now=approval.status, decided_by=by)
