"""RunEngine: the executors and observers of this product, and the runs this process is working on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TypeVar, cast

import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.engine.dispatch import Dispatcher
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Unavailable
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.runs.append import Fenced, Folded, fold, worker_append
from folkmoot.runs.driver import Driver, hand_back, pause
from folkmoot.runs.journal import End, Entry, Executor
from folkmoot.runs.live import LiveHub
from folkmoot.runs.moves import announce
from folkmoot.runs.ports import Observer
from folkmoot.runs.queries import RUN_COLUMNS, get_run, journal
from folkmoot.runs.rules import FINAL, RunStatus
from folkmoot.runs.tables import Run

S = TypeVar("S")

LIVE_HERE = 256
"""Replies one process works on at the same time."""

_POLL_SECONDS = 1.0
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
_log = logging.getLogger(__name__)


class TooManyLiveReplies(Unavailable):
    """This server is working on as many replies as it can; try again in a moment"""

    hint = "Retry after a second"


class RunEngine:
    """Claims runs, drives them, lets go of them. Executors and observers register here, once, at start."""

    def __init__(self, database: Database, dispatcher: Dispatcher, supervisor: Supervisor, host_id: str) -> None:
        self.database = database
        self.dispatcher = dispatcher
        self.supervisor = supervisor
        self.host_id = host_id
        self.live = LiveHub()
        self.observers: list[Observer] = []
        self.drivers: dict[str, Driver] = {}
        self._executors: dict[str, Executor[object]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._waiters: dict[str, list[asyncio.Future[Run]]] = {}
        self._has_stopped = False

    def register(self, executor: Executor[S]) -> None:
        """The engine hands an executor only states of its own making, whatever they are."""
        self._executors[executor.kind] = cast("Executor[object]", executor)

    def executor(self, kind: str) -> Executor[object]:
        return self._executors[kind]

    def tell(self, run_id: str, epoch: int) -> None:
        """An admitted run is ready to be claimed."""
        self.dispatcher.tell(run_id, epoch)

    def check_room(self) -> None:
        """Raises TooManyLiveReplies where this process has no room for one more."""
        if sum(not driver.executor.takes_slot for driver in self.drivers.values()) >= LIVE_HERE:
            raise TooManyLiveReplies(retry_after_seconds=1)

    def begin_here(self, known: Folded, intended: frozenset[str] = frozenset()) -> None:
        """Work on a run that this process holds, without the dispatcher."""
        driver = self.drivers[known.run.id] = Driver(self, known, intended)
        self._tasks[known.run.id] = self.supervisor.start(self._drive(driver), f"run {known.run.id}")

    async def work(self, run_id: str, epoch: int) -> None:
        """What the dispatcher calls: claim the run and drive it to where it rests.

        A lost claim is no error, nor is a database that is down: the sweep tells of the run again.
        """
        try:
            claimed = await self.database.write(claim, self, run_id, epoch)
        except Unavailable as problem:
            _log.warning("run %s cannot be claimed: %s", run_id, problem.detail)
            return
        if claimed is not None:
            self.begin_here(*claimed)
            await asyncio.wait((self._tasks[run_id],))

    async def _drive(self, driver: Driver) -> None:
        run_id = driver.known.run.id
        try:
            await driver.drive()
        except Exception:  # noqa: BLE001 the worker loop's border: a run's bug ends the run, never the worker
            _log.exception("run %s failed on a bug", run_id)
            await _fail_on_bug(self, driver.known)
        finally:
            # a run that was let go of may be at work here again, under another claim
            if self.drivers.get(run_id) is driver:
                del self.drivers[run_id]
            if self._tasks.get(run_id) is asyncio.current_task():
                del self._tasks[run_id]

    def has_ended(self, run: Run) -> None:
        """A run's end is committed: wake who waits for it, stop what works on it still."""
        driver = self.drivers.pop(run.id, None)
        for waiter in self._waiters.pop(run.id, []):
            if not waiter.done():
                waiter.set_result(run)
        self.live.close(run.id)
        if driver is not None and driver.known.run.epoch != run.epoch and run.id in self._tasks:
            self._tasks[run.id].cancel()

    def poke(self, run_id: str) -> None:
        """A verb wrote to the run: its driver, if it is here, looks."""
        if (driver := self.drivers.get(run_id)) is not None:
            driver.news.set()

    async def wait(self, scope: Scope, run_id: str, seconds: float) -> Run:
        """The run once it has ended, or as it is after that time or when this process stops. Raises NoSuchRun."""
        ended: asyncio.Future[Run] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(run_id, [])
        waiters.append(ended)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            while True:
                left = 0 if self._has_stopped else deadline - asyncio.get_running_loop().time()
                if run_id not in self.drivers or left <= 0:
                    run = await self.database.read(get_run, scope, run_id)
                    if run.status in FINAL or left <= 0:
                        return run
                await asyncio.wait((ended,), timeout=min(left, _POLL_SECONDS))
                if ended.done() and not ended.cancelled():
                    return ended.result()
        finally:
            if ended in waiters:
                waiters.remove(ended)
            if not waiters:
                self._waiters.pop(run_id, None)

    async def stop(self, grace_seconds: float) -> None:
        """Claim nothing new, let what is in flight end for a while, hand the rest back for another worker.

        Whoever waits for a run then gets it as it is. May be called again.
        """
        await self.dispatcher.stop()
        for driver in self.drivers.values():
            driver.drain()
        tasks = set(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=grace_seconds)
        cut: Mapping[str, Driver] = dict(self.drivers)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for driver in cut.values():
            try:
                await self.database.write(hand_back, self, driver.known)
            except Fenced:
                continue
        self._has_stopped = True
        for waiter in [waiter for waiters in self._waiters.values() for waiter in waiters]:
            waiter.cancel()
        self.live.close_all()


def claim(tx: Tx, engine: RunEngine, run_id: str, epoch: int) -> tuple[Folded, frozenset[str]] | None:
    """Make a waiting run this process's own; None where another was faster or it waits no more."""
    run = tx.write_returning(Run, _CLAIM, this_run=run_id, told=epoch, host=engine.host_id, at=now())
    if run is None:
        tx.wrote = False
        return None
    announce(tx, engine, RunStatus.PENDING, run)
    entries = journal(tx, run_id)
    return Folded(run, fold(engine.executor(run.kind), entries), run.journal_seq), open_intentions(entries)


def open_intentions(entries: list[Entry]) -> frozenset[str]:
    """Keys of the uses that were intended and never recorded as done."""
    intended = {entry.key for entry in entries if entry.kind == "intended"}
    return frozenset(intended - {entry.key for entry in entries if entry.kind == "done"})


async def _fail_on_bug(engine: RunEngine, known: Folded) -> None:
    end = End(
        status="failed",
        stop_reason="internal_error",
        error_code="internal_error",
        error_message="Internal error; the server's log has the details",
    )
    while True:
        try:
            await engine.database.write(worker_append, engine, known, (), end)
        except Fenced:
            return
        except Unavailable as problem:
            await pause(known.run, problem)
        else:
            return
