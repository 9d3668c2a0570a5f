"""Many runs of scripted steps in many workspaces, worked on by processes of their own."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import Scope
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.tables import RunSlots
from tests.databases import new_scope
from tests.runs.scripted import at_once
from tests.system.jobs import rows
from tests.system.steps_worker import process

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Step:
    run_id: str
    key: str
    at: float


@asynccontextmanager
async def workers(
    url: str, number: int, seconds: float, folder: Path
) -> AsyncIterator[Sequence["asyncio.subprocess.Process"]]:
    """So many processes that work; each step takes so long, and is noted in `folder`."""
    started = []
    try:
        for worker in range(number):
            command = ("-m", "tests.system.steps_worker", url, str(seconds), str(folder / f"steps-{worker}"))
            started.append(
                await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
            )
        for one in started:
            assert one.stdout is not None
            assert (await one.stdout.readline()).startswith(b"ready")
        yield started
    finally:
        for one in started:
            if one.returncode is None:
                one.terminate()
        for one in started:
            await one.wait()


def noted(folder: Path) -> list[Step]:
    """The steps that were taken, by any worker."""
    lines = [line.split() for path in folder.glob("steps-*") for line in path.read_text().splitlines()]
    return [Step(run_id, key, float(at)) for run_id, key, at in lines]


@asynccontextmanager
async def starter(url: str, workspaces: int, cap: int) -> AsyncIterator[tuple[RunEngine, list[Scope]]]:
    """A process that starts runs and works on none, and the workspaces they are started in."""
    async with process(url, at_once, "server") as engine:
        scopes = [await engine.database.write(_scope, cap) for _ in range(workspaces)]
        yield engine, scopes


def _scope(tx: Tx, cap: int) -> Scope:
    scope = new_scope(tx)
    tx.write(sa.update(RunSlots).where(RunSlots.workspace_id == scope.workspace_id).values(cap=cap))
    return scope


async def start(engine: RunEngine, scope: Scope, steps: int) -> tuple[str, float]:
    """A run of so many steps; its id and when it was asked for."""
    called = time.time()
    new = NewRun(kind="steps", title="steps", input={"groups": [[f"s{number}"] for number in range(steps)]})
    run = await engine.database.write(start_run, engine, scope, new)
    return run.id, called


async def all_ended(url: str, runs: int, seconds: float = 120) -> None:
    async with asyncio.timeout(seconds):
        while (await rows(url, "select count(*) from runs where status = 'completed'"))[0][0] < runs:  # noqa: ASYNC110 other processes end them
            await asyncio.sleep(0.1)
