"""Killed at every position of its journal, a team's run ends as the unbroken one; only what was in flight is redone."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from folkmoot.db.database import Database
from folkmoot.engine.local import LocalDispatcher
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.knowledge.schemas import NewDocument
from folkmoot.knowledge.service import add_document
from folkmoot.llm.gateway import Gateway
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.journal import Call, Entry, Live, Outcome, Use
from folkmoot.runs.queries import journal
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.sweep import recover, sweep
from folkmoot.runs.tables import Run
from folkmoot.runs.timeline import differences
from folkmoot.teams.executor import TeamExecutor
from folkmoot.teams.workflow import TeamState
from folkmoot.tools.builtin import builtin_tools
from folkmoot.tools.registry import ToolRegistry
from tests.llm.support import asked
from tests.stubs.openai_stub import Reply, team_script, tool_script
from tests.teams.play import plan

INPUT: JsonObject = {
    "team": "mgx",
    "name": "Say what a crash costs",
    "description": "Say what a crash costs, with sources",
    "max_rounds": 5,
    "max_revision_rounds": 2,
    "memory_size": 50,
}


class Counted(TeamExecutor):
    """Notes the key of everything it is asked to do, calls of the language model and uses of tools.

    At the given one of them, counted from 1, its process is killed.
    """

    def __init__(self, db: Database, gateway: Gateway, supervisor: Supervisor, dies_at: int | None) -> None:
        super().__init__(db, gateway, ToolRegistry(builtin_tools()))
        self.performed: list[str] = []
        self.is_dead = asyncio.Event()
        self._supervisor, self._dies_at = supervisor, dies_at

    async def perform(self, run: Run, state: TeamState, action: Call | Use, live: Live) -> Outcome:
        self.performed.append(action.key)
        if len(self.performed) == self._dies_at:
            self._supervisor.cancel()
            self.is_dead.set()
        return await super().perform(run, state, action, live)


@asynccontextmanager
async def host(db: Database, gateway: Gateway, dies_at: int | None = None) -> AsyncIterator[tuple[RunEngine, Counted]]:
    supervisor = Supervisor()
    engine = RunEngine(db, LocalDispatcher(supervisor), supervisor, new_id())
    executor = Counted(db, gateway, supervisor, dies_at)
    engine.register(executor)
    await engine.dispatcher.start(engine.work, engine.executors)
    yield engine, executor
    await engine.dispatcher.stop()
    await supervisor.stop()


def one_step(body: JsonObject) -> Reply:
    """A plan of one step, which looks something up."""
    wanted = body.get("response_format")
    if "tools" in body:
        return tool_script(body)
    if "plan" in json.dumps(wanted).lower():
        return Reply(text=json.dumps(plan(("s1", ()), complexity="S")))
    return team_script(body)


async def test_every_position(db: Database, scope: Scope) -> None:
    document, _ = await add_document(db, scope, NewDocument(title="crashes.md", text="A crash costs nothing."))
    async with asked(one_step, default_model="openai:stub-1") as (gateway, _):
        given: JsonObject = {**INPUT, "documents": [document.id]}
        async with host(db, gateway) as (engine, executor):
            unbroken = await started(db, engine, scope, given)
            expected = await db.read(journal, (await engine.wait(scope, unbroken.id, 20)).id)
        assert executor.performed == [entry.key for entry in expected if entry.kind == "done"]
        assert "r1.s.s1.m1.t1" in executor.performed
        moments = range(1, len(executor.performed) + 1)
        positions = [await killed(db, scope, gateway, given, moment, expected) for moment in moments]
        # the last answer is appended with the run's end
        assert positions == [entry.seq for entry in expected[:-2]]


async def started(db: Database, engine: RunEngine, scope: Scope, given: JsonObject) -> Run:
    return await db.write(start_run, engine, scope, NewRun(kind="team", title="x", input=given))


async def killed(
    db: Database, scope: Scope, gateway: Gateway, given: JsonObject, moment: int, expected: list[Entry]
) -> int:
    """A run whose host dies at that action and whose heir ends it; answers how long the journal was in between."""
    async with host(db, gateway, moment) as (first, before):
        run = await started(db, first, scope, given)
        await asyncio.wait_for(before.is_dead.wait(), 20)
        await first.supervisor.stop()
    left = await db.read(journal, run.id)
    async with host(db, gateway) as (second, after):
        await recover(second, {first.host_id})
        await sweep(second)
        ended = await second.wait(scope, run.id, 20)
    entries = await db.read(journal, run.id)
    assert ended.status == "completed"
    assert differences(expected, entries) == []
    known = {entry.key for entry in left if entry.kind == "done"}
    assert known.isdisjoint(after.performed), "what was known is not asked again"
    assert len(after.performed) == len(set(after.performed))
    assert [key for key in before.performed if key in after.performed] == before.performed[-1:], "it was in flight"
    return left[-1].seq
