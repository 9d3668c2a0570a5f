"""/metrics: what the parts of the process have counted, and what is asked of them when it is read."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time

from folkmoot import __version__
from folkmoot.http.figures import Figures
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.metrics import Counter, Gauge, Metric, Values, exposition
from folkmoot.ops.health import PATIENCE_SECONDS
from folkmoot.ops.queries import LiveRuns, live_runs
from folkmoot.runs.engine import RunEngine
from folkmoot.runtime import Runtime
from folkmoot.tools.registry import ToolRegistry

_STATM = Path("/proc/self/statm")
_DESCRIPTORS = Path("/proc/self/fd")


async def metrics(runtime: Runtime, engine: RunEngine, tools: ToolRegistry, figures: Figures) -> str:
    """The document; also while the database is away, without what only it knows."""
    runs = await _live_runs(runtime)
    return exposition((*_own(runtime, engine, tools, figures), *_of_database(runs), *_of_process()))


async def _live_runs(runtime: Runtime) -> LiveRuns | None:
    try:
        return await asyncio.wait_for(runtime.db.read_long(live_runs), PATIENCE_SECONDS)
    except (Problem, TimeoutError):
        return None


def _own(runtime: Runtime, engine: RunEngine, tools: ToolRegistry, figures: Figures) -> Iterator[Metric]:
    info: Values = {(__version__, runtime.db.dialect): 1.0}
    yield Gauge("folkmoot_info", "What this is: always 1", info, ("version", "database"))
    yield _gauge("folkmoot_uptime_seconds", "Seconds since the start", figures.uptime_seconds)
    yield figures.requests
    yield figures.response_seconds
    yield _gauge("folkmoot_connections", "HTTP requests in flight and open sockets", figures.current_connections)
    yield _gauge("folkmoot_sockets", "Open WebSockets", figures.current_sockets)
    yield _gauge("folkmoot_followers", "Who follows the events of a workspace", runtime.hub.followers)
    yield runtime.hub.lag
    yield from runtime.db.figures.metrics
    yield from runtime.gateway.figures.metrics
    yield from tools.figures.metrics
    yield engine.ended
    yield engine.waited
    yield _gauge("folkmoot_runs_here", "Runs this process works on", len(engine.drivers))


def _of_database(runs: LiveRuns | None) -> Iterator[Metric]:
    yield _gauge("folkmoot_database_up", "Whether the database has answered: 1 or 0", runs is not None)
    if runs is not None:
        by_kind: Values = {key: float(number) for key, number in runs.by_kind.items()}
        yield Gauge("folkmoot_runs", "Runs that have not ended, of all processes", by_kind, ("kind", "status"))
        yield _gauge("folkmoot_runs_in_line", "Runs that wait for a slot or a worker", runs.in_line)
        yield _gauge("folkmoot_runs_without_budget", "Runs that are paused by a budget", runs.without_budget)
        yield _gauge("folkmoot_approvals_pending", "Questions of runs that no person has decided", runs.asked)


def _of_process() -> Iterator[Metric]:
    cpu = Counter("process_cpu_seconds_total", "Processor time used, in seconds")
    cpu.add(amount=process_time())
    yield cpu
    if sys.platform == "linux":
        pages = int(_STATM.read_text().split()[1])
        yield _gauge("process_resident_memory_bytes", "Memory in use", pages * os.sysconf("SC_PAGE_SIZE"))
        yield _gauge("process_open_fds", "Open files and sockets", sum(1 for _ in _DESCRIPTORS.iterdir()))


def _gauge(name: str, help: str, value: float) -> Gauge:
    return Gauge(name, help, {(): float(value)})
