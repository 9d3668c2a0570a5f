"""Where scripted debates are played: the real engine on a database of its own that is thrown away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory

from folkmoot.db.connect import connect
from folkmoot.db.lanes import Hooks
from folkmoot.db.tx import Tx
from folkmoot.debates.procedure import DebateProcedure
from folkmoot.debates.state import DebateState
from folkmoot.debates.trials import TRIALS, Ended, Trial
from folkmoot.engine.local import LocalDispatcher
from folkmoot.events.log import store
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.llm.messages import Assistant, message_to_json
from folkmoot.migrations.upgrade import upgrade
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.journal import Call, Entry, Live, Outcome, Use
from folkmoot.runs.moves import number_events
from folkmoot.runs.rules import RunStatus
from folkmoot.runs.service import NewRun, make_slots, start_run
from folkmoot.runs.tables import Run
from folkmoot.workspaces.above import RoomsAbove
from folkmoot.workspaces.service import ensure_default

AT_ONCE = 64
WAIT_SECONDS = 120.0


class ScriptedDebate:
    """Runs of kind `debate` whose agents answer from a trial's script; what they came to is kept by the seed."""

    kind = "debate"
    version = 1
    takes_slot = True
    call_limit = 10_000
    procedure = DebateProcedure()

    def __init__(self) -> None:
        self.trial: Trial = TRIALS[0]
        self.ended: dict[int, Ended] = {}

    def open(self, tx: Tx, scope: Scope, given: JsonObject) -> JsonObject:
        return given

    def project(self, tx: Tx, run: Run, before: DebateState, after: DebateState, entry: Entry) -> None:
        if entry.kind == "ended":
            self.ended[after.given.seed] = self.trial.ended(after, str(entry.data.get("stop_reason")))

    async def perform(self, run: Run, state: DebateState, action: Call | Use, live: Live) -> Outcome:
        assert isinstance(action, Call), "scripted agents use no tools"
        return Outcome(value={**message_to_json(Assistant("{}")), "output": self.trial.form(state, action)})


def play(seeds: range) -> list[list[Ended]]:
    """Every trial with each of the seeds, in a process of its own."""
    return asyncio.run(_play(seeds))


async def _play(seeds: range) -> list[list[Ended]]:
    executor = ScriptedDebate()
    found = []
    async with _stage(executor) as (engine, scope):
        for trial in TRIALS:
            executor.trial, executor.ended = trial, {}
            await _series(engine, scope, trial, seeds)
            found.append([executor.ended[seed] for seed in seeds])
    return found


async def _series(engine: RunEngine, scope: Scope, trial: Trial, seeds: range) -> None:
    free = asyncio.Semaphore(AT_ONCE)

    async def debate(seed: int) -> None:
        async with free:
            new = NewRun(kind="debate", title=trial.name, input=trial.given(seed, new_id()))
            run = await engine.database.write(start_run, engine, scope, new)
            ended = await engine.wait(scope, run.id, WAIT_SECONDS)
            if ended.status != RunStatus.COMPLETED:
                raise RuntimeError(f"{trial.name}, seed {seed}: {ended.status} {ended.error_message}")

    await asyncio.gather(*(debate(seed) for seed in seeds))


@asynccontextmanager
async def _stage(executor: ScriptedDebate) -> AsyncIterator[tuple[RunEngine, Scope]]:
    with TemporaryDirectory(prefix="folkmoot-eval-") as folder:
        url = f"sqlite:///{folder}/trial.db"
        await asyncio.to_thread(upgrade, url)
        db = connect(url, Hooks(before_commit=(number_events,), store=store), 1)
        await db.open()
        supervisor = Supervisor()
        engine = RunEngine(db, LocalDispatcher(supervisor), supervisor, new_id())
        engine.register(executor)
        above = RoomsAbove((lambda tx, workspace_id: make_slots(tx, workspace_id, AT_ONCE),), lambda *_: 0)
        project = await db.write(ensure_default, above)
        await engine.dispatcher.start(engine.work, engine.executors)
        try:
            yield engine, Scope(project.workspace_id, project.id, SYSTEM)
        finally:
            await engine.stop(0)
            await supervisor.stop()
            await db.close()
