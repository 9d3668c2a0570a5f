"""What a run of five 50 ms steps costs and how soon it starts: the real engine in this process, steps by script."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
import uvloop

from bench.databases import fresh_database
from bench.figures import Figure, middle, quantile, show
from bench.store import Store
from folkmoot.db.connect import connect
from folkmoot.db.lanes import Hooks
from folkmoot.db.tx import Tx
from folkmoot.engine.liveness import Liveness, PostgresLiveness, SoleProcess
from folkmoot.engine.local import LocalDispatcher
from folkmoot.events.log import store
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.llm.messages import Usage
from folkmoot.migrations.upgrade import upgrade
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.journal import Call, Outcome, Use
from folkmoot.runs.moves import number_events
from folkmoot.runs.ports import Engine
from folkmoot.runs.rules import FINAL
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.sweep import work_forever
from folkmoot.runs.tables import Run, RunSlots
from tests.databases import new_scope
from tests.runs.scripted import StepsExecutor

STEPS = ("s1", "s2", "s3", "s4", "s5")
STEP_SECONDS = 0.05
LIVE = 500
ROUNDS = 3
CALM_PER_SECOND = 50
_TEXT = "The step's result, in full: it was done as asked. " * 10
_USAGE = Usage(900, 120, 0, Decimal("0.0004"), STEP_SECONDS, "stub", "stub-1")


@dataclass(slots=True)
class Load:
    """Runs one, and tells how long it took from the call that starts it to its first step, in seconds."""

    run: Callable[[], Awaitable[float]]
    cpu_ms: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    busy_starts: list[float] = field(default_factory=list)
    calm_starts: list[float] = field(default_factory=list)

    async def busy(self, runs: int) -> None:
        """So many runs, `LIVE` of them at any time."""
        left = iter(range(runs))
        cpu, started = time.process_time(), time.perf_counter()

        async def one_after_another() -> None:
            for _ in left:
                self.busy_starts.append(await self.run() * 1000)

        await asyncio.gather(*(one_after_another() for _ in range(min(LIVE, runs))))
        self.cpu_ms.append((time.process_time() - cpu) * 1000 / runs)
        self.per_second.append(runs / (time.perf_counter() - started))

    async def calm(self, runs: int) -> None:
        """So many runs, `CALM_PER_SECOND` of them begun each second."""

        async def later(number: int) -> None:
            await asyncio.sleep(number / CALM_PER_SECOND)
            self.calm_starts.append(await self.run() * 1000)

        await asyncio.gather(*(later(number) for number in range(runs)))


class Watch:
    """Observes runs: when the first step of each began, and its end once that is committed."""

    def __init__(self) -> None:
        self.first_step: dict[str, float] = {}
        self.ended: dict[str, asyncio.Future[str]] = {}

    async def step(self, run: Run, action: Call | Use) -> Outcome:
        self.first_step.setdefault(run.id, time.perf_counter())
        await asyncio.sleep(STEP_SECONDS)
        return Outcome(value={"text": _TEXT}, usage=_USAGE, by={"role": "worker", "model": "stub-1"})

    def status_changed(self, tx: Tx, engine: Engine, before: str | None, run: Run) -> None:
        if run.status in FINAL:
            tx.after(lambda: self.ended.pop(run.id).set_result(run.status))


@asynccontextmanager
async def product(url: str) -> AsyncIterator[Load]:
    """The engine as the app puts it together, in one workspace with room for `LIVE` runs."""
    await asyncio.to_thread(upgrade, url)
    database = connect(url, Hooks(before_commit=(number_events,), store=store))
    await database.open()
    supervisor, watch = Supervisor(), Watch()
    engine = RunEngine(database, LocalDispatcher(supervisor), supervisor, new_id())
    engine.register(StepsExecutor(watch.step))
    engine.observers.append(watch)
    is_postgres = database.dialect == "postgresql"
    liveness: Liveness = PostgresLiveness(url, engine.host_id) if is_postgres else SoleProcess(engine.host_id)
    scope = await database.write(_roomy_scope)

    async def run() -> float:
        new = NewRun(kind="steps", title="steps", input={"groups": [[key] for key in STEPS]})
        ended = watch.ended[new.id] = asyncio.get_running_loop().create_future()
        called = time.perf_counter()
        await database.write(start_run, engine, scope, new)
        status = await ended
        assert status == "completed", status
        return watch.first_step.pop(new.id) - called

    working = supervisor.start(work_forever(engine, liveness, engine.executors), "work on runs")
    try:
        yield Load(run)
    finally:
        working.cancel()
        await engine.stop(5)
        await liveness.close()
        await supervisor.stop()
        await database.close()


def _roomy_scope(tx: Tx) -> Scope:
    scope = new_scope(tx)
    tx.write(sa.update(RunSlots).where(RunSlots.workspace_id == scope.workspace_id).values(cap=LIVE))
    return scope


@asynccontextmanager
async def floor(folder: Path) -> AsyncIterator[Load]:
    """Five sleeps and a commit before, between and after: no epochs, slots, events, usage, recovery."""
    kept = Store(folder / "floor.db")

    async def run() -> float:
        run_id = new_id()
        called = time.perf_counter()
        await _note(kept, run_id, 0, "begun")
        await _note(kept, run_id, 1, "claimed")
        first_step = time.perf_counter()
        for seq, _ in enumerate(STEPS, 2):
            await asyncio.sleep(STEP_SECONDS)
            await _note(kept, run_id, seq, _TEXT)
        return first_step - called

    yield Load(run)
    kept.close()


async def _note(kept: Store, run_id: str, seq: int, data: str) -> None:
    await kept.write(lambda connection: connection.execute("insert into step values (?, ?, ?)", (run_id, seq, data)))


def measure(scale: float, database_server: str | None) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_measure(scale, database_server))


async def _measure(scale: float, database_server: str | None) -> None:
    with TemporaryDirectory(prefix="bench-runs-") as folder, fresh_database(database_server, Path(folder)) as url:
        async with product(url) as ours, floor(Path(folder)) as theirs:
            for load in (theirs, ours):
                await load.calm(CALM_PER_SECOND)
                load.calm_starts.clear()
            gc.collect()
            gc.freeze()
            gc.set_threshold(20_000, 20, 50)
            for _ in range(ROUNDS):
                for load in (theirs, ours):
                    await load.calm(max(20, int(2 * CALM_PER_SECOND * scale)))
                    await load.busy(max(LIVE, int(1500 * scale)))
    on = "PostgreSQL" if database_server else "SQLite"
    show(f"runs of {len(STEPS)} steps of {STEP_SECONDS * 1000:.0f} ms, {on}", _figures(ours, theirs))


def _figures(ours: Load, theirs: Load) -> list[Figure]:
    def starts(name: str, load: Callable[[Load], list[float]], share: float, bar: float | None) -> Figure:
        return Figure(
            name=name,
            unit="ms",
            measured=quantile(load(ours), share),
            floor=quantile(load(theirs), share),
            bar=bar,
        )

    return [
        Figure(
            name="CPU per run beyond the model",
            unit="ms",
            measured=middle(ours.cpu_ms),
            floor=middle(theirs.cpu_ms),
            bar=4,
        ),
        Figure(
            name=f"runs with {LIVE} live",
            unit="per second",
            measured=middle(ours.per_second),
            floor=middle(theirs.per_second),
            bar=150,
            is_least=True,
        ),
        starts(f"enqueue to start, {CALM_PER_SECOND}/s, p50", lambda load: load.calm_starts, 0.5, 5),
        starts(f"enqueue to start, {CALM_PER_SECOND}/s, p99", lambda load: load.calm_starts, 0.99, 25),
        starts(f"enqueue to start, {LIVE} live, p50", lambda load: load.busy_starts, 0.5, None),
        starts(f"enqueue to start, {LIVE} live, p99", lambda load: load.busy_starts, 0.99, None),
    ]
