"""Two hundred teams at once in twenty workspaces of five places each: never a sixth, and all come to their end."""

import asyncio
from collections import Counter, defaultdict

import pytest
import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.ports import Engine
from folkmoot.runs.rules import FINAL
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.tables import Run, RunSlots
from tests.databases import new_scope
from tests.teams.stage import practice, stage

pytestmark = pytest.mark.system

RUNS, WORKSPACES, CAP = 200, 20, 5
GIVEN: JsonObject = {
    "team": "mgx",
    "name": "Build a boat",
    "description": "Build a boat",
    "max_rounds": 1,
    "max_revision_rounds": 0,
    "memory_size": 5,
}


class Watch:
    """Observes which runs are admitted, by workspace, and the most there were at a time."""

    def __init__(self) -> None:
        self.live: dict[str, set[str]] = defaultdict(set)
        self.most: Counter[str] = Counter()

    def status_changed(self, tx: Tx, engine: Engine, previous: str | None, run: Run) -> None:
        admitted = self.live[run.workspace_id]
        if run.status in FINAL:
            admitted.discard(run.id)
        elif run.waiting_for != "admission":
            admitted.add(run.id)
        self.most[run.workspace_id] = max(self.most[run.workspace_id], len(admitted))


def narrow(tx: Tx, workspace_id: str) -> None:
    tx.write(sa.update(RunSlots).where(RunSlots.workspace_id == workspace_id).values(cap=CAP))


async def test_never_more_than_the_cap_and_all_end(db: Database) -> None:
    scopes: list[Scope] = [await db.write(new_scope) for _ in range(WORKSPACES)]
    for scope in scopes:
        await db.write(narrow, scope.workspace_id)
    watch = Watch()
    async with stage(db, practice()) as engine:
        engine.observers.append(watch)

        async def play(scope: Scope) -> str:
            run = await db.write(start_run, engine, scope, NewRun(kind="team", title="x", input=GIVEN))
            return str((await engine.wait(scope, run.id, 300)).status)

        ended = await asyncio.gather(*(play(scopes[number % WORKSPACES]) for number in range(RUNS)))
    assert set(ended) == {"completed"}
    assert set(watch.most.values()) == {CAP}
