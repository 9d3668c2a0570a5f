"""RunEngine: the executors and observers of this product, and the runs this process is working on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import TypeVar, cast

from folkmoot.db.database import Database
from folkmoot.engine.dispatch import Dispatcher, Told
from folkmoot.events.relay import Alone, Relay
from folkmoot.kernel.errors import Unavailable
from folkmoot.kernel.metrics import Counter, Histogram
from folkmoot.kernel.origin import set_origin
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.kernel.tracing import OFF, Tracer
from folkmoot.runs.append import Fenced, worker_append
from folkmoot.runs.children import end_children
from folkmoot.runs.claims import claim_told
from folkmoot.runs.driver import Driver, hand_back, pause
from folkmoot.runs.folded import Folded
from folkmoot.runs.journal import End, Executor
from folkmoot.runs.live import LiveHub
from folkmoot.runs.ports import Cites, Observer
from folkmoot.runs.queries import get_run
from folkmoot.runs.rules import FINAL, RunStatus
from folkmoot.runs.tables import Run
from folkmoot.runs.tracing import drive
from folkmoot.runs.waiting import Waiting
from folkmoot.usage.covered import Covered

S = TypeVar("S")

LIVE_HERE = 256
"""Replies one process works on at the same time."""

_POLL_SECONDS = 1.0
_POKE, _ENDED = "poke", "ended"
"""What processes tell each other of a run, by its id: that a verb wrote to it, that it is over."""
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
        self.budgets = Covered()
        self.tracer: Tracer = OFF
        self.relay: Relay = Alone()
        self.is_draining = self.has_stopped = False
        self.observers: list[Observer] = []
        self.cites: Cites = lambda tx, run, text: {}
        self.drivers: dict[str, Driver] = {}
        self.ended = Counter("folkmoot_runs_ended_total", "Runs that this process has ended", ("kind", "status"))
        self.waited = Histogram("folkmoot_runs_wait_seconds", "From a run's making to its first worker", ("kind",))
        self.executors: dict[str, Executor[object]] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.waiting = Waiting()

    def register(self, executor: Executor[S]) -> None:
        """The engine hands an executor only states of its own making, whatever they are."""
        self.executors[executor.kind] = cast("Executor[object]", executor)

    def executor(self, kind: str) -> Executor[object]:
        return self.executors[kind]

    def tell(self, run: Run) -> None:
        """An admitted run is ready to be claimed."""
        self.dispatcher.tell(Told(run.id, run.epoch, run.kind, run.workspace_id, run.priority))

    def check_room(self) -> None:
        """Raises TooManyLiveReplies where this process has no room for one more."""
        if len(self.drivers) < LIVE_HERE:
            return
        if sum(not driver.executor.takes_slot for driver in self.drivers.values()) >= LIVE_HERE:
            raise TooManyLiveReplies(retry_after_seconds=1)

    def begin_here(self, known: Folded) -> None:
        """Work on a run that this process holds, without the dispatcher."""
        driver = self.drivers[known.run.id] = Driver(self, known)
        self.tasks[known.run.id] = self.supervisor.start(_drive(self, driver), f"run {known.run.id}")

    async def work(self, told: Told) -> None:
        """What the dispatcher calls: claim the run and drive it to where it rests.

        A lost claim is no error, nor is a database that is down: the sweep tells of the run again.
        """
        try:
            claimed = await self.database.write(claim_told, self, told)
        except Unavailable as problem:
            _log.warning("run %s cannot be claimed: %s", told.run_id, problem.detail)
            return
        if claimed is not None:
            _note_wait(self.waited, claimed.run)
            self.begin_here(claimed)
            await asyncio.wait((self.tasks[told.run_id],))

    def has_ended(self, run: Run) -> None:
        """A run's end is committed: wake who waits for it, wherever, and stop what works on it still."""
        self.ended.add(run.kind, run.status)
        driver = self.drivers.pop(run.id, None)
        self.waiting.tell(run.id, run)
        self.live.close(run.id)
        self.relay.tell(_ENDED, run.id)
        if driver is not None and driver.known.run.epoch != run.epoch and run.id in self.tasks:
            self.tasks[run.id].cancel()

    def end_children(self, run: Run) -> None:
        """A run is over that had children at work: they are over too."""
        self.supervisor.start(end_children(self, run), f"end the children of run {run.id}")

    def poke(self, run_id: str) -> None:
        """A verb wrote to the run: its driver, wherever it is, looks."""
        if run_id in self.drivers:
            self.drivers[run_id].news.set()
        else:
            self.relay.tell(_POKE, run_id)

    async def wait(self, scope: Scope, run_id: str, seconds: float, *, until: Collection[RunStatus] = FINAL) -> Run:
        """The run once it has ended or one of these statuses, or as it is after that time or when this process stops.

        Raises NoSuchRun.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        with self.waiting.of(run_id) as waiter:
            while waiter.run is None:
                left = 0 if self.has_stopped else deadline - clock()
                if run_id not in self.drivers or left <= 0:
                    run = await self.database.read(get_run, scope, run_id)
                    if run.status in until or run.status in FINAL or left <= 0:
                        return run
                await waiter.hears(min(left, _POLL_SECONDS))
            return waiter.run

    async def stop(self, grace_seconds: float) -> None:
        """Claim nothing new, let what is in flight end for a while, hand the rest back for another worker.

        Whoever waits for a run then gets it as it is. May be called again.
        """
        await self.dispatcher.stop()
        for driver in self.drivers.values():
            driver.drain()
        tasks = set(self.tasks.values())
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
        self.has_stopped = True
        for run_id in self.waiting.runs():
            self.waiting.tell(run_id, None)
        self.live.close_all()


def _note_wait(waited: Histogram, run: Run) -> None:
    """Of its first claim; one that was held or let go of meanwhile has waited for something else too."""
    if run.started_at is not None and run.started_at == run.updated_at and not run.is_resumed:
        waited.observe((run.started_at - run.created_at).total_seconds(), run.kind)


async def _drive(engine: RunEngine, driver: Driver) -> None:
    set_origin(driver.known.origin)
    try:
        await (drive(engine.tracer, driver) if engine.tracer.is_on else driver.drive())
    except Exception:  # noqa: BLE001 the worker loop's border: a run's bug ends the run, never the worker
        _log.exception("run %s failed on a bug", driver.known.run.id)
        await _fail_on_bug(engine, driver.known)
    finally:
        run_id = driver.known.run.id
        # a run that was let go of may be at work here again, under another claim
        if engine.drivers.get(run_id) is driver:
            del engine.drivers[run_id]
        if engine.tasks.get(run_id) is asyncio.current_task():
            del engine.tasks[run_id]
        engine.waiting.tell(run_id, None)  # it may stand still now, which some wait for


def join(engine: RunEngine, relay: Relay) -> None:
    """Tell the other processes of runs, and hear what they tell: who waits for a run or works on it looks."""

    def look(run_id: str) -> None:
        if run_id in engine.drivers:
            engine.drivers[run_id].news.set()
        engine.waiting.tell(run_id, None)

    def look_at_all() -> None:
        for run_id in (*engine.drivers, *engine.waiting.runs()):
            look(run_id)

    def poked(run_id: str) -> None:
        look(run_id) if run_id else look_at_all()

    def ended(run_id: str) -> None:
        engine.live.close(run_id)
        poked(run_id)

    engine.relay, engine.live = relay, LiveHub(relay)
    relay.listen(_POKE, poked)
    relay.listen(_ENDED, ended)


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
