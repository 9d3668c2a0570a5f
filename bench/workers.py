"""What runs cost and how soon they start when two worker processes share PostgreSQL: five steps of 50 ms each."""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from bench.databases import fresh_database
from bench.figures import Figure, quantile, show
from bench.processes import cpu_seconds
from folkmoot.migrations.upgrade import upgrade
from tests.system.steps import Step, all_ended, noted, start, starter, workers

WORKERS, WORKSPACES, CAP = 2, 20, 25
STEPS, STEP_SECONDS = 5, 0.05
CALM_PER_SECOND = 20


def measure(scale: float, database_server: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_measure(scale, database_server))


async def _measure(scale: float, database_server: str) -> None:
    calm, busy = max(20, int(6 * CALM_PER_SECOND * scale)), max(WORKSPACES * CAP, int(2000 * scale))
    with TemporaryDirectory(prefix="bench-workers-") as folder, fresh_database(database_server, Path(folder)) as url:
        await asyncio.to_thread(upgrade, url)
        async with (
            workers(url, WORKERS, STEP_SECONDS, Path(folder)) as processes,
            starter(url, WORKSPACES, CAP) as (engine, scopes),
        ):
            await asyncio.gather(*(start(engine, scopes[number], STEPS) for number in range(WORKSPACES)))
            await all_ended(url, WORKSPACES)
            called = []
            for number in range(calm):
                called.append(await start(engine, scopes[number % WORKSPACES], STEPS))
                await asyncio.sleep(1 / CALM_PER_SECOND)
            await all_ended(url, WORKSPACES + calm)
            starts = _starts(dict(called), noted(Path(folder)))
            pids = [process.pid for process in processes]
            cpu, since = sum(map(cpu_seconds, pids)), time.perf_counter()
            await asyncio.gather(*(start(engine, scopes[number % WORKSPACES], STEPS) for number in range(busy)))
            await all_ended(url, WORKSPACES + calm + busy)
            seconds, cpu = time.perf_counter() - since, sum(map(cpu_seconds, pids)) - cpu
    title = (
        f"{WORKERS} workers, {WORKSPACES} workspaces of {CAP} live runs, {STEPS} steps of {STEP_SECONDS * 1000:.0f} ms"
    )
    show(
        title,
        [
            Figure(name="runs", unit="per second", measured=busy / seconds, bar=150, is_least=True),
            Figure(name="CPU of the workers per run", unit="ms", measured=cpu * 1000 / busy),
            Figure(
                name=f"enqueue to start, {CALM_PER_SECOND}/s, p50", unit="ms", measured=quantile(starts, 0.5), bar=15
            ),
            Figure(name=f"enqueue to start, {CALM_PER_SECOND}/s, p99", unit="ms", measured=quantile(starts, 0.99)),
        ],
    )


def _starts(called: dict[str, float], steps: list[Step]) -> list[float]:
    """Milliseconds from the call that starts a run to its first step."""
    return [(step.at - called[step.run_id]) * 1000 for step in steps if step.key == "s0" and step.run_id in called]
