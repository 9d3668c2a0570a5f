"""A process's worth of engine with debates in it whose agents act from a script, and which may die at any commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.debates.executor import DEBATE, DebateExecutor
from folkmoot.debates.progress import DebateProgress
from folkmoot.debates.queries import find_debate_of, get_reported
from folkmoot.debates.state import DebateState
from folkmoot.engine.local import LocalDispatcher
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.messages import Assistant, Usage, message_to_json
from folkmoot.llm.settings import LlmSettings
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.journal import Call, Fault, Live, Outcome, Use
from folkmoot.runs.queries import journal
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.sweep import recover, sweep
from folkmoot.runs.tables import Run
from folkmoot.tools.registry import ToolRegistry
from tests.debates.play import Agents

USAGE = Usage(10, 5, 0, Decimal("0.001"), 0.0, "test", "scripted")


class ScriptedDebates(DebateExecutor):
    """The agents of these debates are no rows; `asked` are the keys of what they were asked, `before` each answer."""

    def __init__(self, engine: RunEngine, agents: Agents) -> None:
        super().__init__(engine, Gateway(LlmSettings()), ToolRegistry())
        self.agents = agents
        self.asked: list[str] = []
        self.before: Callable[[Run], Awaitable[None]] | None = None

    def open(self, tx: Tx, scope: Scope, given: JsonObject) -> JsonObject:
        return {**given, "debate_id": new_id()}

    async def perform(self, run: Run, state: DebateState, action: Call | Use, live: Live) -> Outcome:
        self.asked.append(action.key)
        if self.before is not None:
            await self.before(run)
        answer = self.agents(state, action)
        assert answer is not None, action.key
        if isinstance(answer, Fault):
            return Outcome(fault=answer)
        return Outcome(value={**message_to_json(Assistant("{}")), "output": answer}, usage=USAGE)


@dataclass
class Stage:
    """One host."""

    engine: RunEngine
    executor: ScriptedDebates
    dead: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def db(self) -> Database:
        return self.engine.database

    async def begin(self, scope: Scope, given: JsonObject, **more: object) -> Run:
        new = NewRun(kind=DEBATE, title="Debate", input=given, **more)  # type: ignore[arg-type]
        return await self.db.write(start_run, self.engine, scope, new)

    async def end(self, scope: Scope, run: Run) -> Run:
        return await self.engine.wait(scope, run.id, 20)

    def die_at(self, moment: int) -> None:
        """At the commit of that number from now on: nothing is written after it."""
        count = 0

        def die(_: set[str]) -> None:
            nonlocal count
            count += 1
            if count == moment:
                self.engine.supervisor.cancel()
                self.dead.set()

        self.db.hooks.published = die

    async def lives(self, scope: Scope, run: Run) -> None:
        """Until the run has ended or the host is dead."""
        end = asyncio.ensure_future(self.end(scope, run))
        death = asyncio.ensure_future(self.dead.wait())
        await asyncio.wait((end, death), return_when=asyncio.FIRST_COMPLETED)
        for task in (end, death):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.db.hooks.published = lambda _: None


@asynccontextmanager
async def stage(db: Database, agents: Agents) -> AsyncIterator[Stage]:
    supervisor = Supervisor()
    engine = RunEngine(db, LocalDispatcher(supervisor), supervisor, new_id())
    executor = ScriptedDebates(engine, agents)
    engine.register(executor)
    engine.observers.append(DebateProgress())
    await engine.dispatcher.start(engine.work, engine.executors)
    yield Stage(engine, executor)
    await engine.stop(0)
    await supervisor.stop()


async def taken_up(stage: Stage, dead: Stage) -> None:
    """What the dead host worked on goes on here."""
    await recover(stage.engine, {dead.engine.host_id})
    await sweep(stage.engine)


async def done_keys(db: Database, run: Run) -> set[str]:
    return {entry.key for entry in await db.read(journal, run.id) if entry.kind == "done"}


async def report_of(db: Database, scope: Scope, run: Run) -> JsonObject:
    debate = await db.read(find_debate_of, run.id)
    assert debate is not None
    report = (await db.read(get_reported, scope, debate.id)).report
    assert report is not None
    return report
