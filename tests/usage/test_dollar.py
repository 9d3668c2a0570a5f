"""A dollar under fifty teams at once, answered and priced over a real wire, is not overrun by a cent."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from folkmoot.kernel.settings import ModelPrice
from folkmoot.runs.queries import get_run
from tests.usage.stage import Stage, staged

RUNS = 50
CHEAP = ModelPrice.model_validate({"input": "10", "output": "10"})
ANSWER = Decimal("0.015")


@pytest.mark.system
async def test_a_dollar_is_not_overrun_by_fifty_teams(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path, price=CHEAP, mgx_cache_backend="none") as stage:
        made = await stage.budget(usd="1")
        task = await stage.task()
        runs = await asyncio.gather(*(stage.run(task, wait=0) for _ in range(RUNS)))
        for run in runs:
            await _rests(stage, run["id"])
        budget = await stage.ask("GET", f"/api/budgets/{made['id']}")
        used = Decimal(budget["used_usd"])
        assert used == ANSWER * len(stage.stub.calls)
        assert Decimal("0.9") < used <= 1
        assert (budget["reserved_usd"], budget["reserved_tokens"]) == ("0", 0)
        assert (await stage.ask("GET", "/api/usage"))["sums"]["cost_usd"] == budget["used_usd"]
        await stage.ask("PATCH", f"/api/budgets/{made['id']}", {"usd": "10"})
        for run in runs:
            ended = await stage.ask("GET", f"/api/runs/{run['id']}/wait?timeout=60")
            assert ended["status"] == "completed", ended
        assert Decimal((await stage.ask("GET", "/api/usage"))["sums"]["cost_usd"]) == ANSWER * 6 * RUNS


async def _rests(stage: Stage, run_id: str) -> None:
    """Until the run is over or paused; at most a minute."""
    async with asyncio.timeout(60):
        while True:
            if (await stage.db.read(get_run, stage.scope, run_id)).status not in ("pending", "running"):
                return
            await asyncio.sleep(0)
