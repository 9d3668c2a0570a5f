"""What is due without anybody asking: recovery, and once a second time waits, deadlines and lost tells."""

from __future__ import annotations

import asyncio
import logging

from folkmoot.db.tx import Tx
from folkmoot.engine.worklock import WorkLock
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Unavailable
from folkmoot.runs.append import lock_run, verb_end
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.moves import admit, move, tell
from folkmoot.runs.queries import (
    due_runs,
    held_runs,
    overdue_runs,
    owners_of_running,
    running_runs,
    startable_runs,
)
from folkmoot.runs.rules import RunStatus, WaitingFor
from folkmoot.runs.tables import Run

SWEEP_SECONDS = 1.0
_log = logging.getLogger(__name__)


async def recover(engine: RunEngine, gone: set[str]) -> int:
    """Make every run that was running on a host which is gone free for the next worker; answers how many."""
    if not gone:
        return 0
    runs = await engine.database.read_long(running_runs, gone)
    for run in runs:
        await engine.database.write(_recover, engine, run)
    if runs:
        _log.info("recovered %d interrupted runs", len(runs))
    return len(runs)


def _recover(tx: Tx, engine: RunEngine, seen: Run) -> None:
    run = lock_run(tx, seen.workspace_id, seen.id)
    if run is None or run.status != RunStatus.RUNNING or run.epoch != seen.epoch:
        return
    freed = move(
        tx,
        engine,
        run,
        RunStatus.PENDING,
        {"waiting_for": WaitingFor.START, "owner": None, "epoch": run.epoch + 1, "is_resumed": True},
    )
    tell(tx, engine, freed)


async def work_forever(engine: RunEngine, lock: WorkLock) -> None:
    """Once a second: be the process that works if that is free, recover what dead hosts left, sweep.

    A database that is down is asked again.
    """
    works = False
    while True:
        try:
            works = await _work(engine, lock, works=works)
        except Unavailable as problem:
            _log.warning("runs are not looked after right now: %s", problem.detail)
        await asyncio.sleep(SWEEP_SECONDS)


async def _work(engine: RunEngine, lock: WorkLock, *, works: bool) -> bool:
    may_work = await lock.acquire()
    if works and not may_work:
        await engine.dispatcher.stop()
    if not may_work:
        return False
    owners = await engine.database.read(owners_of_running)
    await recover(engine, await lock.gone(owners - {engine.host_id}))
    if not works:
        await engine.dispatcher.start(engine.work)
    await sweep(engine)
    return True


async def sweep(engine: RunEngine) -> None:
    """Wake runs whose time has come, end those past their deadline, tell again of what waits to be claimed."""
    at = now()
    for run in await engine.database.read(due_runs, at):
        await engine.database.write(_wake, engine, run)
    for run in await engine.database.read(overdue_runs, at):
        await engine.database.write(_expire, engine, run)
    for row in await engine.database.read(startable_runs):
        engine.tell(row.id, row.epoch)
    await _look_after_own(engine)


def _wake(tx: Tx, engine: RunEngine, seen: Run) -> None:
    run = lock_run(tx, seen.workspace_id, seen.id)
    if run is not None and run.status == RunStatus.PENDING and run.waiting_for == WaitingFor.TIME:
        admit(tx, engine, run, {"wake_at": None, "is_resumed": True})


def _expire(tx: Tx, engine: RunEngine, seen: Run) -> None:
    run = lock_run(tx, seen.workspace_id, seen.id)
    if run is not None and run.status == RunStatus.PENDING and run.deadline_at and run.deadline_at <= now():
        verb_end(tx, engine, run, "timeout", {})


async def _look_after_own(engine: RunEngine) -> None:
    """A verb of another process reaches the drivers of this one here, within a second."""
    if not engine.drivers:
        return
    held = {row.id: row for row in await engine.database.read(held_runs, engine.host_id)}
    for run_id, driver in tuple(engine.drivers.items()):
        row = held.get(run_id)
        if row is None or row.epoch != driver.known.run.epoch or row.journal_seq > driver.known.seq:
            driver.news.set()
