"""Four workers, 2,000 runs, 20 workspaces: the limit of a workspace holds to the run, and no run is worked twice."""

import asyncio
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from folkmoot.kernel.json import loads
from folkmoot.runs.rules import FINAL
from tests.system.jobs import rows
from tests.system.steps import all_ended, noted, start, starter, workers

pytestmark = pytest.mark.postgres

RUNS, WORKSPACES, CAP, STEPS = 2000, 20, 5, 2


async def test_never_more_than_the_cap_and_none_twice(tmp_path: Path, own_postgres_url: str) -> None:
    async with (
        workers(own_postgres_url, 4, 0.01, tmp_path),
        starter(own_postgres_url, WORKSPACES, CAP) as (engine, scopes),
    ):
        await asyncio.gather(*(start(engine, scopes[number % WORKSPACES], STEPS) for number in range(RUNS)))
        await all_ended(own_postgres_url, RUNS)
    taken = Counter((step.run_id, step.key) for step in noted(tmp_path))
    assert (len(taken), taken.most_common(1)[0][1]) == (RUNS * STEPS, 1)
    assert set((await most_at_once(own_postgres_url)).values()) == {CAP}
    assert await rows(own_postgres_url, "select distinct live from run_slots") == [(0,)]


async def most_at_once(url: str) -> dict[str, int]:
    """The most runs that were admitted at the same time, by workspace, as its log has it."""
    statement = (
        "select workspace_id, run_id, data from events where type = 'run_status_changed' order by workspace_id, seq"
    )
    live, most = defaultdict[str, set[str]](set), Counter[str]()
    for workspace_id, run_id, data in await rows(url, statement):
        said = loads(data)
        assert isinstance(said, dict)
        if said["status"] in FINAL:
            live[workspace_id].discard(run_id)
        elif said["waiting_for"] != "admission":
            live[workspace_id].add(run_id)
        most[workspace_id] = max(most[workspace_id], len(live[workspace_id]))
    return dict(most)
