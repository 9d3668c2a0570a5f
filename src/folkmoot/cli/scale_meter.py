"""What runs cost: processor time of each part, connections, events and transactions, between two moments."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from folkmoot.cli.scale_database import Activity, backends, written
from folkmoot.cli.scale_processes import cpu_seconds
from folkmoot.db.database import Database
from folkmoot.kernel.supervisor import Supervisor

LOOK_SECONDS = 0.25
_FULL = 0.85
"""From this share of what there is on, a part counts as the one that limits."""
_TOLD_BY_THE_SYSTEM = Path("/proc/stat")


@dataclass(slots=True)
class Meter:
    """`cores` are those that each part kept busy on average; `machine` is all that were, whoever used them.

    They are 0 where the system does not tell (it does on Linux), and of a database that is on another machine.
    """

    seconds: float = 0.0
    cores: dict[str, float] = field(default_factory=dict)
    machine: float = 0.0
    events: int = 0
    transactions: int | None = None
    activity: Activity = field(default_factory=Activity)

    def limit(self, workers: int) -> str:
        """Where the limit was, as far as it can be seen from here, and what to do about it."""
        cores, seen = self.cores, self.activity
        is_full = self.machine >= _FULL * (os.cpu_count() or 1)
        is_ours = sum(cores.values()) >= self.machine / 2
        found = (
            (is_full and is_ours, "this machine's processor, which all parts share"),
            (cores["here"] >= _FULL, "this command, which asks for the runs: the installation can do more"),
            (0 < _FULL * workers <= cores["workers"], "the processor time of the workers, one core each: add workers"),
            (cores["api"] >= _FULL, "the processor time of the API process: add one (folkmoot serve --workers)"),
            (seen.share(seen.locked) >= 1, "locks, above all the event head of each workspace: use more workspaces"),
            (seen.share(seen.on_disk) >= 1, "the database's disk, which commits wait for"),
            (is_full, "this machine's processor, which others keep busy: measure when it is calm"),
        )
        nothing = "not reached: too few runs at a time, or they waited for a disk or a network that is not seen here"
        return next((sentence for is_so, sentence in found if is_so), nothing)


@asynccontextmanager
async def metered(database: Database, pids: dict[str, list[int]]) -> AsyncIterator[Meter]:
    """Complete once the context has ended well."""
    meter, supervisor = Meter(), Supervisor()
    meter.activity.saw(await database.read(backends))
    parts = {**pids, "here": [os.getpid()]}
    events, transactions = await database.read(written)
    before, machine, began = _spent(parts, meter.activity), _machine_seconds(), time.perf_counter()
    looking = supervisor.start(_look(database, meter.activity), "look at the database")
    try:
        yield meter
    finally:
        looking.cancel()
    meter.seconds = time.perf_counter() - began
    after = _spent(parts, meter.activity)
    meter.cores = {part: _growth(before.get(part, {}), after[part]) / meter.seconds for part in after}
    meter.machine = (_machine_seconds() - machine) / meter.seconds
    more_events, more_transactions = await database.read(written)
    meter.events = more_events - events
    meter.transactions = None if transactions is None else (more_transactions or 0) - transactions


async def _look(database: Database, activity: Activity) -> None:
    while True:
        activity.saw(await database.read(backends))
        await asyncio.sleep(LOOK_SECONDS)


def _spent(parts: dict[str, list[int]], activity: Activity) -> dict[str, dict[int, float]]:
    """Processor seconds of every process so far, by part."""
    local = [pid for pid in activity.pids if _is_of_postgres(pid)]
    return {part: {pid: cpu_seconds(pid) for pid in pids} for part, pids in {**parts, "database": local}.items()}


def _growth(before: dict[int, float], after: dict[int, float]) -> float:
    return sum(max(0.0, seconds - before.get(pid, 0.0)) for pid, seconds in after.items())


def _is_of_postgres(pid: int) -> bool:
    """Whether the number that a server gives is that of a process here; one on another machine has others' numbers."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("postgres")
    except OSError:
        return False


def _machine_seconds() -> float:
    """Processor seconds of everything on this machine so far; 0 where nobody tells."""
    if not _TOLD_BY_THE_SYSTEM.exists():
        return 0.0
    user, nice, system, _idle, _waiting, *interrupts = _TOLD_BY_THE_SYSTEM.read_text().split("\n", 1)[0].split()[1:8]
    return sum(map(int, (user, nice, system, *interrupts))) / os.sysconf("SC_CLK_TCK")
