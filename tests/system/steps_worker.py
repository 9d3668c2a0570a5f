"""A worker process of scripted steps, `python -m tests.system.steps_worker URL SECONDS FILE`: notes what it takes."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import uvloop

from folkmoot.db.connect import connect
from folkmoot.db.lanes import Hooks
from folkmoot.engine.hosts import HostInfo, beat, end_host
from folkmoot.engine.liveness import PostgresLiveness
from folkmoot.engine.queue import QueueDispatcher
from folkmoot.events.log import store
from folkmoot.kernel.garbage import collect_rarely
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.llm.messages import Usage
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.journal import Call, Outcome, Use
from folkmoot.runs.moves import number_events
from folkmoot.runs.sweep import stay_known, work_forever
from folkmoot.runs.tables import Run
from tests.runs.scripted import Script, StepsExecutor

_TEXT = "The step's result, in full: it was done as asked. " * 10


@asynccontextmanager
async def process(url: str, script: Script, kind: str) -> AsyncIterator[RunEngine]:
    """One process's engine over the queue, as the application puts it together; a `server` takes no runs, but leads."""
    database, supervisor = connect(url, Hooks(before_commit=(number_events,), store=store)), Supervisor()
    await database.open()
    engine = RunEngine(database, QueueDispatcher(url, supervisor), supervisor, new_id())
    engine.register(StepsExecutor(script))
    liveness = PostgresLiveness(url, engine.host_id)

    async def introduce() -> None:
        await database.write(beat, HostInfo(engine.host_id, kind=kind))

    await introduce()
    takes = engine.executors if kind == "worker" else ()
    works = [
        supervisor.start(stay_known(engine, liveness, introduce), "beat"),
        supervisor.start(work_forever(engine, liveness, takes), "work on runs"),
    ]
    try:
        yield engine
    finally:
        for work in works:
            work.cancel()
        await engine.stop(5)
        await engine.dispatcher.close()
        await database.write(end_host, engine.host_id)
        await liveness.close()
        await supervisor.stop()
        await database.close()


async def _work(url: str, seconds: float, notes: Path) -> None:
    usage = Usage(900, 120, 0, Decimal("0.0004"), seconds, "stub", "stub-1")
    with notes.open("a", buffering=1) as file:

        async def step(run: Run, action: Call | Use) -> Outcome:
            file.write(f"{run.id} {action.key} {time.time()}\n")
            await asyncio.sleep(seconds)
            return Outcome(value={"text": _TEXT}, usage=usage, by={"role": "worker", "model": "stub-1"})

        ending = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
        async with process(url, step, "worker"):
            collect_rarely()
            sys.stdout.write(f"ready {os.getpid()}\n")
            sys.stdout.flush()
            await ending.wait()


if __name__ == "__main__":
    uvloop.run(_work(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])))
