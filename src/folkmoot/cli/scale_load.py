"""The load of a bench: team runs of the practice model over HTTP, a few a second and then as many as go."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import NamedTuple

from folkmoot.cli.client import Client
from folkmoot.kernel.json import JsonObject

CALM_PER_SECOND, CALM_SECONDS = 10, 3
WAIT_SECONDS = 30
"""A run that has not ended after so long counts as not completed."""
_TASK: JsonObject = {"name": "Bees", "description": "Compare two ways to keep bees"}
"""The practice model plans three steps for it, so a run asks the model six times."""


class Ended(NamedTuple):
    """A run, in milliseconds: from the call that started it to its claim by a worker, and to its end."""

    start_ms: float
    run_ms: float


class Lane(NamedTuple):
    """One run at a time, of a task of its own in some workspace."""

    client: Client
    task_id: str

    async def run(self) -> Ended | None:
        """None where it did not complete."""
        run = await self.client.post(f"/api/runs?wait={WAIT_SECONDS}", {"task_id": self.task_id})
        if run.get("status") != "completed":
            return None
        created, started, completed = (_time(run, f"{name}_at") for name in ("created", "started", "completed"))
        return Ended((started - created) * 1000, (completed - created) * 1000)


async def make_lanes(client: Client, workspaces: int, lanes: int) -> list[Lane]:
    made = [await client.post("/api/workspaces", {"name": f"Bench {number + 1}"}) for number in range(workspaces)]
    inside = [client.within({"X-Workspace-Id": str(workspace["id"])}) for workspace in made]
    tasks = [await inside[number % workspaces].post("/api/tasks", _TASK) for number in range(lanes)]
    return [Lane(inside[number % workspaces], str(task["id"])) for number, task in enumerate(tasks)]


async def warm(lanes: Sequence[Lane]) -> None:
    """A process imports much for its first run."""
    await asyncio.gather(*(lane.run() for lane in lanes))


async def calm(lanes: Sequence[Lane]) -> list[Ended | None]:
    """Ten runs a second, so that none waits for another."""

    async def later(number: int) -> Ended | None:
        await asyncio.sleep(number / CALM_PER_SECOND)
        return await lanes[number % len(lanes)].run()

    return await asyncio.gather(*(later(number) for number in range(CALM_PER_SECOND * CALM_SECONDS)))


async def busy(lanes: Sequence[Lane], runs: int, seconds: float) -> list[Ended | None]:
    """So many runs, one after the other in each lane; none is begun after so many seconds."""
    left, until, ended = iter(range(runs)), monotonic() + seconds, list[Ended | None]()

    async def one_after_another(lane: Lane) -> None:
        for _ in left:
            if monotonic() > until:
                return
            ended.append(await lane.run())

    await asyncio.gather(*(one_after_another(lane) for lane in lanes))
    return ended


def _time(run: JsonObject, name: str) -> float:
    return datetime.fromisoformat(str(run[name])).timestamp()
