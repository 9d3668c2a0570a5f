"""Background functions: other software's coroutines and functions as runs, recorded like any run but never resumed."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypedDict

from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Problem, Unavailable
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import Json, JsonObject, clean_json, clean_text, dumps, loads
from folkmoot.kernel.scope import Scope
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.journal import Action, Call, End, Entry, Fault, Live, Outcome, Settlement, Use
from folkmoot.runs.ports import Engine
from folkmoot.runs.queries import find_run
from folkmoot.runs.rules import FINAL
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.tables import Run
from folkmoot.tasks.threads import in_thread

FUNCTION = "function"
MOST_AT_ONCE = 128
"""Functions one process works on at the same time; replies need room beside them."""

RESULT_BYTES = 1_000_000

_CHARACTERS = 2000
_CALL = "call"
_FAILED = "function_failed"
_INTERRUPTED = Fault(
    code="interrupted",
    sentence="The server stopped while this function was at work; functions are not resumed",
)
_STOP_REASONS = {_INTERRUPTED.code: _INTERRUPTED.code}
_log = logging.getLogger(__name__)

Function = Callable[..., object]


class TooManyFunctions(Unavailable):
    """This server is working on as many background functions as it can; try again in a moment"""

    hint = "Retry after a second"


class FunctionStatus(TypedDict):
    """How a background function is doing. `result` is what it returned as JSON, else its `repr`."""

    task_id: str
    name: str
    status: str
    result: Json
    error: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class FunctionState:
    name: str
    value: JsonObject | None = None
    fault: Fault | None = None


class FunctionProcedure:
    """One call, and the run is over."""

    def begin(self, entry: Entry) -> FunctionState:
        given = entry.data.get("input")
        return FunctionState(str(given.get("name")) if isinstance(given, dict) else "")

    def apply(self, state: FunctionState, entry: Entry) -> FunctionState:
        if entry.kind != "done" or entry.key != _CALL:
            return state
        match entry.data:
            case {"fault": {"code": str(code), "sentence": str(sentence)}}:
                return replace(state, fault=Fault(code=code, sentence=sentence))
            case {"value": dict(value)}:
                return replace(state, value=value)
            case _:
                return state

    def wanted(self, state: FunctionState) -> tuple[Action, ...]:
        if state.fault is not None:
            code, sentence = state.fault.code, state.fault.sentence
            reason = _STOP_REASONS.get(code, "raised")
            return (End(status="failed", stop_reason=reason, error_code=code, error_message=sentence),)
        if state.value is not None:
            return (End(status="completed", stop_reason="returned", result=state.value),)
        return (Use(key=_CALL, group=_CALL, tool=state.name, arguments={}),)

    def facts(self, state: FunctionState, entry: Entry) -> tuple[Fact, ...]:
        return ()

    def settle(self, state: FunctionState, reason: Settlement) -> End:
        if reason == "cancelled":
            return End(status="cancelled", stop_reason=reason)
        sentence = "The deadline of the function has passed" if reason == "timeout" else "The function was stopped"
        return End(
            status="timeout" if reason == "timeout" else "failed",
            stop_reason=reason,
            error_code=reason,
            error_message=sentence,
        )


@dataclass(slots=True, eq=False)
class Work:
    """A function that waits for its call or is being called, and what came of it while this process lives."""

    call: Callable[[], Awaitable[object]]
    discard: Callable[[], None] = lambda: None
    has_begun: bool = False
    value: object = None
    ended: asyncio.Future[Run] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


def work_of(function: Coroutine[object, object, object] | Function) -> Work:
    """A coroutine, a coroutine function, or any other function, which is called in a thread of its own."""
    if inspect.iscoroutine(function):
        coroutine = function
        return Work(lambda: coroutine, coroutine.close)
    if not callable(function):
        raise TypeError(f"{function!r} is neither a coroutine nor a function")
    return Work(lambda: call(function))


async def call(function: Function, *args: object) -> object:
    """Call it on the event loop where it is a coroutine function, else in a thread."""
    if inspect.iscoroutinefunction(function):
        return await function(*args)
    answer = await in_thread(lambda: function(*args))
    return await answer if inspect.isawaitable(answer) else answer


def name_of(function: object) -> str:
    return str(getattr(function, "__qualname__", None) or type(function).__name__)


class Functions:
    """Runs of kind `function`: they live in the process they were given to. Registered as executor and observer.

    `hold` is entered around every call: it tells the code which application it runs in.
    """

    kind = FUNCTION
    version = 1
    takes_slot = False
    procedure = FunctionProcedure()

    def __init__(self, engine: RunEngine, hold: Callable[[], AbstractContextManager[object]]) -> None:
        self.engine = engine
        self._hold = hold
        self._works: dict[str, Work] = {}

    async def start(self, scope: Scope, name: str, work: Work, meta_data: JsonObject | None = None) -> Run:
        """Record the run and begin it at once; a coroutine that cannot begin is closed.

        Raises TooManyFunctions, TooManyLiveReplies, DatabaseUnavailable.
        """
        title = clean_text(name)[:255] or FUNCTION
        new = NewRun(kind=FUNCTION, title=title, input={"name": title}, starts="here", meta_data=meta_data or {})
        try:
            if len(self._works) >= MOST_AT_ONCE:
                raise TooManyFunctions(retry_after_seconds=1)
            self._works[new.id] = work
            return await self.engine.database.write(start_run, self.engine, scope, new)
        except (Problem, asyncio.CancelledError):
            self._works.pop(new.id, None)
            work.discard()
            raise

    def close(self) -> None:
        """The process ends: what has not begun never will."""
        for work in self._works.values():
            if not work.has_begun:
                work.discard()

    async def status(self, scope: Scope, run_id: str) -> FunctionStatus | None:
        run = await self.engine.database.read(find_run, scope, run_id.lower())
        return None if run is None or run.kind != FUNCTION else status_of(run)

    def open(self, tx: Tx, scope: Scope, given: JsonObject) -> JsonObject:
        """There is nothing to refuse."""
        return given

    def project(self, tx: Tx, run: Run, before: FunctionState, after: FunctionState, entry: Entry) -> None:
        """A function has no rows of its own."""

    async def perform(self, run: Run, state: FunctionState, action: Call | Use, live: Live) -> Outcome:
        work = self._works.get(run.id)
        if work is None or work.has_begun:  # it was at work in a process, or under a claim, that is gone
            return Outcome(fault=_INTERRUPTED)
        work.has_begun = True
        return await self._attempt(run.title, work)

    async def _attempt(self, name: str, work: Work) -> Outcome:
        with self._hold():
            try:
                work.value = await work.call()
                return Outcome(value=_shown(work.value))
            except (Exception, SystemExit) as error:  # noqa: BLE001 the border to somebody else's function
                _log.warning("background function %s failed", name, exc_info=error)
                return Outcome(fault=Fault(code=_FAILED, sentence=_sentence(error)))
            except asyncio.CancelledError as error:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise
                return Outcome(fault=Fault(code=_FAILED, sentence=_sentence(error)))

    async def call_back(self, callback: Function, value: object) -> None:
        """Hand on what a function has returned; what goes wrong in this is logged only."""
        with self._hold():
            try:
                await call(callback, value)
            except (Exception, SystemExit) as error:  # noqa: BLE001 the border to somebody else's callback
                _log.warning("callback %s failed", name_of(callback), exc_info=error)

    def status_changed(self, tx: Tx, engine: Engine, previous: str | None, run: Run) -> None:
        if run.kind == FUNCTION and run.status in FINAL:
            tx.after(lambda: self._ended(run))

    def _ended(self, run: Run) -> None:
        work = self._works.pop(run.id, None)
        if work is None:
            return
        if not work.has_begun:
            work.discard()
        if not work.ended.done():
            work.ended.set_result(run)


def status_of(run: Run) -> FunctionStatus:
    return FunctionStatus(
        task_id=run.id,
        name=run.title,
        status=str(run.status),
        result=(run.result or {}).get("value"),
        error=run.error_message,
        created_at=run.created_at,
        finished_at=run.completed_at,
    )


def _shown(value: object) -> JsonObject:
    """What a function returned, as its run keeps it."""
    try:
        text = dumps(value)
    except TypeError:
        text = ""
    if text and len(text) <= RESULT_BYTES:
        return {"value": clean_json(loads(text))}
    shown = clean_text(repr(value))
    kept: JsonObject = {"value": shown[:_CHARACTERS], "is_repr": True}
    return kept if len(shown) <= _CHARACTERS else {**kept, "is_cut": True}


def _sentence(error: BaseException) -> str:
    return clean_text(f"{type(error).__name__}: {error}").removesuffix(": ")[:_CHARACTERS]
