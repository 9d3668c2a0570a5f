"""What is due without anybody asking: signs of life, recovery, and once a second time waits, deadlines, lost tells."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import timedelta
from typing import TypeVar

from folkmoot.db.tx import Tx
from folkmoot.engine.liveness import BEAT_SECONDS, Liveness
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Unavailable
from folkmoot.runs.append import lock_run, verb_end
from folkmoot.runs.approval_queries import expired_approvals
from folkmoot.runs.approvals import expire
from folkmoot.runs.children import end_orphan
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.moves import admit, hand_on
from folkmoot.runs.queries import (
    due_runs,
    ended_of,
    held_runs,
    orphans,
    overdue_runs,
    owners_of_running,
    running_runs,
    startable_runs,
)
from folkmoot.runs.rules import RunStatus, is_resting
from folkmoot.runs.tables import Approval, Run

SWEEP_SECONDS = 1.0
R = TypeVar("R", Run, Approval)

TOLD_SECONDS = 1.0
"""How old a tell is at least that counts as lost."""
_log = logging.getLogger(__name__)


async def recover(engine: RunEngine, gone: set[str]) -> int:
    """Make every run that was running on a host which is gone free for the next worker; answers how many."""
    if not gone:
        return 0
    runs = await engine.database.read_long(running_runs, gone)
    await _each(engine, _recover, runs)
    if runs:
        _log.info("recovered %d interrupted runs", len(runs))
    return len(runs)


def _recover(tx: Tx, engine: RunEngine, seen: Run) -> None:
    run = lock_run(tx, seen.workspace_id, seen.id)
    if run is None or run.status != RunStatus.RUNNING or run.epoch != seen.epoch:
        return
    hand_on(tx, engine, run)


async def stay_known(engine: RunEngine, liveness: Liveness, introduce: Callable[[], Awaitable[None]]) -> None:
    """Say every other second that this process lives, and hear whether it is to let go of its runs."""
    while True:
        try:
            standing = await liveness.beat()
            if standing is None:
                await introduce()
            elif standing.is_draining != engine.is_draining:
                await _drain(engine, is_draining=standing.is_draining)
        except Unavailable as problem:
            _log.warning("this process cannot say that it lives: %s", problem.detail)
        await asyncio.sleep(BEAT_SECONDS)


async def _drain(engine: RunEngine, *, is_draining: bool) -> None:
    """Take no more runs, and let go of those here once what is in flight has ended; or take some again."""
    engine.is_draining = is_draining
    if is_draining:
        _log.info("draining: runs go to other processes")
        await engine.dispatcher.stop()
        for driver in tuple(engine.drivers.values()):
            driver.drain()
    else:
        _log.info("no longer draining")


async def work_forever(engine: RunEngine, liveness: Liveness, kinds: Collection[str]) -> None:
    """Take runs of these kinds, and once a second, where it is this process's turn, see to what is due for all.

    A database that is down is asked again.
    """
    takes = False
    while True:
        try:
            may_take = bool(kinds) and not engine.is_draining and not engine.has_stopped
            if may_take and not takes:
                await engine.dispatcher.start(engine.work, kinds)
            takes = may_take
            if await liveness.leads():
                owners = await engine.database.read(owners_of_running)
                await recover(engine, await liveness.gone(owners - {engine.host_id}))
                await sweep(engine, TOLD_SECONDS)
            await _look_after_own(engine)
        except Unavailable as problem:
            _log.warning("runs are not looked after right now: %s", problem.detail)
        await asyncio.sleep(SWEEP_SECONDS)


async def sweep(engine: RunEngine, seconds: float = 0) -> None:
    """Wake runs whose time has come, end those past their deadline and those whose parent is over.

    What people have not decided in time is decided; of what waits so long to be claimed is told again.
    """
    at = now()
    await _each(engine, _wake, await engine.database.read(due_runs, at))
    await _each(engine, _expire, await engine.database.read(overdue_runs, at))
    await _each(engine, end_orphan, await engine.database.read(orphans))
    await _each(engine, expire, await engine.database.read(expired_approvals, at))
    for run in await engine.database.read(startable_runs, at - timedelta(seconds=seconds)):
        engine.tell(run)


async def _each(engine: RunEngine, unit: Callable[[Tx, RunEngine, R], None], rows: Sequence[R]) -> None:
    """One run's bug must not keep the others waiting."""
    for row in rows:
        try:
            await engine.database.write(unit, engine, row)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 the worker loop's border: a run's bug never stops who looks after all runs
            _log.exception("%r cannot be looked after", row)


def _wake(tx: Tx, engine: RunEngine, seen: Run) -> None:
    run = lock_run(tx, seen.workspace_id, seen.id)
    if run is not None and is_resting(run.status, run.waiting_for) and run.wake_at and run.wake_at <= now():
        admit(tx, engine, run)


def _expire(tx: Tx, engine: RunEngine, seen: Run) -> None:
    run = lock_run(tx, seen.workspace_id, seen.id)
    if run is not None and run.status == RunStatus.PENDING and run.deadline_at and run.deadline_at <= now():
        verb_end(tx, engine, run, "timeout", {})


async def _look_after_own(engine: RunEngine) -> None:
    """What another process did to runs that are worked on or watched here is seen within a second."""
    watched = [run_id for run_id in engine.live.watched() if run_id not in engine.drivers]
    if watched:
        for run_id in await engine.database.read(ended_of, watched):
            engine.live.close(run_id)
    if not engine.drivers:
        return
    held = {row.id: row for row in await engine.database.read(held_runs, engine.host_id)}
    for run_id, driver in tuple(engine.drivers.items()):
        row = held.get(run_id)
        if row is None or row.epoch != driver.known.run.epoch or row.journal_seq > driver.known.seq:
            driver.news.set()
