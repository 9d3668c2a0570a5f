"""A kind of run whose steps and outcomes a test writes down, and a host: one process's worth of engine."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.engine.local import LocalDispatcher
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.events import Progress
from folkmoot.runs.journal import Action, Ask, Call, End, Entry, Executor, Live, Outcome, Settlement, Spawn, Use
from folkmoot.runs.queries import journal, owners_of_running
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.sweep import recover
from folkmoot.runs.tables import Run

Script = Callable[[Run, Call | Use], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Steps:
    """Groups of keys: a group's actions are wanted together, once all before it are done.

    `!key` is an unsafe use, `?key` an idempotent one, `@key` asks a person, `+key` starts the child that `given` has
    under that key, `%key` is a call that has `limit` seconds. What the run is told is a group of its own, at the end,
    or what it is to go on without.
    """

    given: JsonObject
    groups: tuple[tuple[str, ...], ...]
    done: frozenset[str] = frozenset()
    fault: str | None = None
    refused: str | None = None
    heard: JsonObject = field(default_factory=dict)


class StepsProcedure:
    def begin(self, entry: Entry) -> Steps:
        given = entry.data["input"]
        assert isinstance(given, dict)
        groups = given["groups"]
        assert isinstance(groups, list)
        return Steps(given, tuple(tuple(str(key) for key in group) for group in groups if isinstance(group, list)))

    def apply(self, state: Steps, entry: Entry) -> Steps:
        if entry.kind == "told":
            said = entry.data["data"]
            assert isinstance(said, dict)
            if "without" in said:
                left = (tuple(key for key in group if key != said["without"]) for group in state.groups)
                return replace(state, groups=tuple(left))
            return replace(state, groups=(*state.groups, (str(said["step"]),))) if "step" in said else state
        if entry.kind != "done" or not any(entry.key in group for group in state.groups):
            return state
        fault, value = entry.data.get("fault"), entry.data.get("value")
        if isinstance(fault, dict) and fault["code"] != "timed_out":
            return replace(state, fault=str(fault["code"]))
        state = replace(state, done=state.done | {entry.key})
        if entry.key[0] in "@+" and isinstance(value, dict):
            state = replace(state, heard={**state.heard, entry.key: {**value, "run_id": None}})
        if isinstance(value, dict) and value.get("decision") in ("reject", "expired"):
            return replace(state, refused="approval_expired" if value["decision"] == "expired" else "plan_rejected")
        return state

    def wanted(self, state: Steps) -> tuple[Action, ...]:
        if state.fault:
            return (End(status="failed", stop_reason="fault", error_code=state.fault, error_message="it broke"),)
        if state.refused:
            return (End(status="cancelled", stop_reason=state.refused, result=_result(state)),)
        for group in state.groups:
            if missing := [key for key in group if key not in state.done]:
                return tuple(_action(state, key) for key in missing)
        return (End(status="completed", stop_reason="done", result=_result(state)),)

    def facts(self, state: Steps, entry: Entry) -> tuple[Fact, ...]:
        if entry.kind != "done":
            return ()
        total = sum(map(len, state.groups))
        share = 100 * len(state.done) / total
        return (Progress(step=len(state.done), total_steps=total, current_phase=entry.key, progress_percent=share),)

    def settle(self, state: Steps, reason: Settlement) -> End:
        status = reason if reason in ("cancelled", "timeout") else "failed"
        return End(status=status, stop_reason=reason, result=_result(state))


def _action(state: Steps, key: str) -> Action:
    given = state.given
    match key[0]:
        case "!":
            return Use(key=key, group=key, tool="tool", arguments={}, effect="unsafe")
        case "?":
            return Use(key=key, group=key, tool="tool", arguments={}, effect="idempotent")
        case "@":
            ask = Ask(key=key, group=key, subject="plan", question="Shall it go on?", may_revise=True)
            return replace(ask, on_expiry="approve") if given.get("on_expiry") == "approve" else ask
        case "+":
            children = given.get("children")
            child = children[key] if isinstance(children, dict) else None
            assert isinstance(child, dict)
            return Spawn(key=key, group=key, kind=str(child.get("kind", "steps")), title=key, input=child)
        case "%":
            limit = given.get("limit")
            assert isinstance(limit, float)
            return Call(key=key, group="limited", role="worker", recipe={}, limit_seconds=limit)
        case _:
            return Call(key=key, group=key, role="worker", recipe={})


def _result(state: Steps) -> JsonObject:
    return {"done": list(sorted(state.done)), **({"heard": state.heard} if state.heard else {})}


class Refused(Conflict):
    """Such steps are not taken"""


class StepsExecutor(Executor[Steps]):
    kind = "steps"
    version = 1
    takes_slot = True
    procedure = StepsProcedure()

    def __init__(self, script: Script) -> None:
        self.script = script
        self.performed: list[str] = []

    async def perform(self, run: Run, state: Steps, action: Call | Use, live: Live) -> Outcome:
        self.performed.append(action.key)
        return await self.script(run, action)

    def open(self, tx: Tx, scope: Scope, given: JsonObject) -> JsonObject:
        if given.get("is_refused"):
            raise Refused
        return given

    def project(self, tx: Tx, run: Run, before: Steps, after: Steps, entry: Entry) -> None:
        """Nothing of its own to write."""


async def at_once(run: Run, action: Call | Use) -> Outcome:
    return Outcome(value={"key": action.key})


class Host:
    """What one server process is to the database: an engine that recovers, works and can die at any moment."""

    def __init__(self, database: Database, script: Script = at_once) -> None:
        self.supervisor = Supervisor()
        self.executor = StepsExecutor(script)
        self.engine = RunEngine(database, LocalDispatcher(self.supervisor), self.supervisor, new_id())
        self.engine.register(self.executor)

    async def start(self) -> "Host":
        await self.engine.dispatcher.start(self.engine.work, self.engine.executors)
        owners = await self.engine.database.read(owners_of_running)
        await recover(self.engine, owners - {self.engine.host_id})
        return self

    async def die(self) -> None:
        """As `kill -9`: nothing is written any more, tasks are gone."""
        await self.engine.dispatcher.stop()
        await self.supervisor.stop()

    async def run(self, scope: Scope, *groups: list[str], given: JsonObject | None = None, **more: object) -> Run:
        steps: JsonObject = {"groups": [[*group] for group in groups], **(given or {})}
        new = NewRun(kind="steps", title="steps", input=steps, **more)  # type: ignore[arg-type]
        return await self.engine.database.write(start_run, self.engine, scope, new)

    async def finish(self, scope: Scope, run: Run, seconds: float = 20) -> Run:
        return await self.engine.wait(scope, run.id, seconds)

    async def journal(self, run: Run) -> list[Entry]:
        return await self.engine.database.read(journal, run.id)


class Gate:
    """A script that waits at chosen keys until the test opens them."""

    def __init__(self, *closed: str) -> None:
        self.closed = {key: asyncio.Event() for key in closed}
        self.reached = {key: asyncio.Event() for key in closed}

    async def __call__(self, run: Run, action: Call | Use) -> Outcome:
        if action.key in self.closed:
            self.reached[action.key].set()
            await self.closed[action.key].wait()
        return Outcome(value={"key": action.key})


def canonical(entries: list[Entry]) -> list[tuple[str, str, object]]:
    """The journal as it is compared: by key, without `controlled`, seq, times, ids, usage and who was waited for."""
    kept = [entry for entry in entries if entry.kind not in ("controlled", "waiting")]
    return sorted((entry.key, entry.kind, _without_ids(entry.data)) for entry in kept)


def _without_ids(data: JsonObject) -> JsonObject:
    return {
        key: _without_ids(value) if isinstance(value, dict) else value
        for key, value in data.items()
        if key not in ("usage", "seed", "run_id", "idempotency_key")
    }
