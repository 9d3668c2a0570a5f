"""Claiming a run: one statement decides which worker has it."""

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.engine.dispatch import Told
from folkmoot.runs.folded import Folded, fold
from folkmoot.runs.moves import announce
from folkmoot.runs.ports import Engine
from folkmoot.runs.queries import RUN_COLUMNS, journal
from folkmoot.runs.rules import RunStatus
from folkmoot.runs.tables import Run

_CLAIM = (
    sa.update(Run)
    .where(
        Run.id == sa.bindparam("this_run"),
        Run.epoch == sa.bindparam("told"),
        Run.status == "pending",
        Run.waiting_for.in_(("start", "conversation")),
    )
    .values(
        status="running",
        waiting_for=None,
        owner=sa.bindparam("host"),
        epoch=Run.epoch + 1,
        started_at=sa.func.coalesce(Run.started_at, sa.bindparam("at", type_=RUN_COLUMNS.started_at.type)),
        updated_at=sa.bindparam("at", type_=RUN_COLUMNS.updated_at.type),
    )
    .returning(*RUN_COLUMNS)
)
_FREE = sa.select(Run.id).where(Run.id == sa.bindparam("this_run")).with_for_update(skip_locked=True)


def claim_told(tx: Tx, engine: Engine, told: Told) -> Folded | None:
    """As `claim`; a run that somebody holds right now is not waited for: it is told of again."""
    if tx.first(Run, _FREE, this_run=told.run_id) is None:
        return None
    return claim(tx, engine, told.run_id, told.epoch)


def claim(tx: Tx, engine: Engine, run_id: str, epoch: int) -> Folded | None:
    """Make a waiting run this process's own; None where another was faster or it waits no more."""
    run = tx.write_returning(Run, _CLAIM, this_run=run_id, told=epoch, host=engine.host_id, at=tx.at)
    if run is None:
        tx.wrote = False
        return None
    announce(tx, engine, RunStatus.PENDING, run)
    return fold(engine.executor(run.kind), run, journal(tx, run_id))
