"""The driver: one loop that takes any kind of run from journal entry to journal entry, and never asks which kind."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime

from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Problem, Unavailable
from folkmoot.kernel.signals import news_within
from folkmoot.runs.append import Fenced, NewEntry, catch_up, done, worker_append
from folkmoot.runs.doubts import cautious, refusal
from folkmoot.runs.events import Paused
from folkmoot.runs.flights import TIMED_OUT, Flights
from folkmoot.runs.folded import Folded
from folkmoot.runs.held import Held
from folkmoot.runs.journal import (
    Action,
    Ask,
    Call,
    End,
    Executor,
    Outcome,
    Settlement,
    Spawn,
    Use,
    Wait,
)
from folkmoot.runs.live import LiveCall
from folkmoot.runs.moves import Change, emit, hand_on, let_go
from folkmoot.runs.opening import append_and_open, not_started, waiting_entry
from folkmoot.runs.ports import Engine
from folkmoot.runs.purse import purse_of, yield_to
from folkmoot.runs.queries import find_run_row, journal
from folkmoot.runs.resting import Rest, rest_of
from folkmoot.runs.rules import CALL_LIMIT, RunStatus, WaitingFor
from folkmoot.runs.tables import Run
from folkmoot.runs.tracing import perform

_RETRY_SECONDS = 0.5
_log = logging.getLogger(__name__)


class Driver:
    """Works on one run under one claim. All it remembers beside the journal is what is in flight."""

    def __init__(self, engine: Engine, known: Folded) -> None:
        self.engine = engine
        self.known = known
        self.executor: Executor[object] = engine.executor(known.run.kind)
        self.is_draining = False
        self.news = asyncio.Event()
        self.flights = Flights(engine.supervisor, self.news)

    def drain(self) -> None:
        """Start nothing new; let go of the run when what is in flight has ended."""
        self.is_draining = True
        self.news.set()

    async def drive(self) -> None:
        """Until the run has ended, waits, is paused, is let go of, or is somebody else's."""
        is_over = False
        try:
            while not is_over:
                try:
                    is_over = await self._step()
                except Unavailable as problem:
                    await pause(self.known.run, problem)
        except Fenced:
            _log.info("run %s: the claim is gone, letting go", self.known.run.id)
        finally:
            self.flights.cancel()

    async def _step(self) -> bool:
        """Start what is due, take in what is done; answers whether this worker is finished with the run."""
        if self.known.run.status != RunStatus.RUNNING:
            return True
        here = self.flights.flying.keys() | self.flights.later.keys()
        wanted = cautious(self.executor.procedure.wanted(self.known.state), self.known.begun, here)
        end = _end_of(self.executor, self.known, wanted)
        if end is not None:
            await self._append((), end)
            return True
        if self._may_begin:
            for action in wanted:
                if await self._begin(action):
                    return False  # the journal has grown: what is wanted now may be something else
        if not self.flights and not (self._may_begin and self.flights.against_time):
            return await self._rest()
        await self._gather(wanted)
        return False

    @property
    def _may_begin(self) -> bool:
        return not self.is_draining and not self.known.run.is_pausing and self.flights.held is None

    async def _begin(self, action: Action) -> bool:
        """Begin what is wanted and not begun: put it into flight, or wait for it; answers whether it is journalled."""
        match action:
            case Call() | Use() if not self.flights.has(action.key):
                return await self._launch(action)
            case Ask() | Spawn() if action.key not in self.known.begun:
                await self._open(action)
                return True
            case Wait() if action.until <= now():
                await self._append((NewEntry("done", action.key, {"value": None}),))
                return True
            case _:
                return False

    async def _launch(self, action: Call | Use) -> bool:
        """Put it into flight. An effect is journalled as intended first; what has no time left is not begun."""
        if self.flights.is_late(action):
            await self._append((done(action, TIMED_OUT),))
            return True
        has_effect = isinstance(action, Use) and action.effect != "none"
        begun = self.known.begun.get(action.key)
        is_repeated = begun is not None
        if begun is not None and begun.what == "refusal":
            await self._append((done(action, Outcome(fault=refusal(begun.ref))),))
            return True
        if isinstance(action, Use) and has_effect and not is_repeated:
            await self._append((_intention(self.known.run, action),))
        if self.known.run.status == RunStatus.RUNNING:
            account = purse_of(self.engine, self.known.run, action)
            live = LiveCall(self.engine.live, self.known.run.id, action.key, account)
            run, tracer = self.known.run, self.engine.tracer
            work = self.executor.perform(run, self.known.state, action, live)
            work = perform(tracer, run, action, work) if tracer.is_on else work
            self.flights.start(action, work, f"run {self.known.run.id} {action.key}")
        return has_effect and not is_repeated

    async def _open(self, action: Ask | Spawn) -> None:
        """Ask a person or start a child; a child that its kind refuses has failed."""
        try:
            await self._append((waiting_entry(action),))
            self.flights.stop_clock(action.group)
        except Unavailable:
            raise
        except Problem as problem:
            if not isinstance(action, Spawn):
                raise
            await self._append((not_started(action, problem),))

    async def _gather(self, wanted: tuple[Action, ...]) -> None:
        """Wait for the first outcome, a poke or a moment that is due, and append all outcomes there are in one unit."""
        await self._sleep_until_news(wanted)
        entries = tuple(done(action, outcome) for action, outcome in self.flights.land())
        if entries:
            await self._append(entries)
        else:
            self.known = await self.engine.database.read(_look, self.executor, self.known)

    async def _sleep_until_news(self, wanted: tuple[Action, ...]) -> None:
        moments = self.flights.moments()
        if self._may_begin:
            moments += self.flights.later.values()
            moments += [action.until for action in wanted if isinstance(action, Wait)]
        if self.known.run.deadline_at is not None:
            moments.append(self.known.run.deadline_at)
        seconds = max(0.0, (min(moments) - now()).total_seconds()) if moments else None
        await news_within(self.news, seconds)

    async def _append(self, entries: tuple[NewEntry, ...], end: End | None = None) -> None:
        """One unit. A database that is down is waited for: what was paid for is not thrown away."""
        database, lost = self.engine.database, False
        while True:
            try:
                if lost:
                    self.known, entries = await database.read(_survey, self.executor, self.known, entries)
                if entries or end is not None or not lost:
                    self.known = await database.write(append_and_open, self.engine, self.known, entries, end)
            except Unavailable as problem:
                await pause(self.known.run, problem)
                lost = True
            else:
                return

    async def _rest(self) -> bool:
        """Nothing is in flight and nothing may start: let go of the run, unless that is no longer so."""
        later = self.flights.later
        self.known, is_free = await self.engine.database.write(
            _rest, self.engine, self.known, later, self.flights.held, is_draining=self.is_draining
        )
        if not is_free:
            self.flights.held = None
        return is_free


async def pause(run: Run, problem: Unavailable) -> None:
    """Before the database is asked again."""
    _log.warning("run %s: %s; trying again", run.id, problem.detail)
    await asyncio.sleep(_RETRY_SECONDS)


def idempotency_key(run_id: str, use: Use) -> str:
    """The same for every try of the same use of a tool."""
    return f"{run_id}:{use.key}"


def _end_of(executor: Executor[object], known: Folded, wanted: tuple[Action, ...]) -> End | None:
    """What ends the run now: its time is up, it has made all the calls it may, or its procedure says so."""
    run = known.run
    most_calls: int = getattr(executor, "call_limit", CALL_LIMIT)
    reason: Settlement | None = None
    if run.deadline_at is not None and run.deadline_at <= now():
        reason = "timeout"
    elif run.model_calls >= most_calls and any(isinstance(action, Call) for action in wanted):
        reason = "call_limit"
    if reason is not None:
        return executor.procedure.settle(known.state, reason)
    return next((action for action in wanted if isinstance(action, End)), None)


def _intention(run: Run, use: Use) -> NewEntry:
    key = idempotency_key(run.id, use)
    return NewEntry("intended", use.key, {"tool": use.tool, "arguments": use.arguments, "idempotency_key": key}, use)


def _look(tx: Tx, executor: Executor[object], known: Folded) -> Folded:
    run = find_run_row(tx, known.run.id)
    if run is None or run.epoch != known.run.epoch or run.status != RunStatus.RUNNING:
        raise Fenced
    return catch_up(tx, executor, known.at(run), run.journal_seq)


def _survey(
    tx: Tx, executor: Executor[object], known: Folded, entries: tuple[NewEntry, ...]
) -> tuple[Folded, tuple[NewEntry, ...]]:
    """After a commit whose outcome is unknown: where the run stands, and which entries it does not hold yet."""
    written = {(entry.kind, entry.key) for entry in journal(tx, known.run.id, after=known.seq)}
    return _look(tx, executor, known), tuple(new for new in entries if (new.kind, new.key) not in written)


def _rest(
    tx: Tx, engine: Engine, known: Folded, later: Mapping[str, datetime], held: Held | None, *, is_draining: bool
) -> tuple[Folded, bool]:
    """Let go of a run where, with all that others have told it meanwhile, nothing of it may start.

    Answers the run as it is known then, and whether its worker is free.
    """
    fresh = worker_append(tx, engine, known, ())
    wanted = cautious(engine.executor(fresh.run.kind).procedure.wanted(fresh.state), fresh.begun, later)
    rest = rest_of(wanted, fresh.begun, later, now())
    if fresh.run.status != RunStatus.RUNNING:
        return fresh, True
    if fresh.run.is_pausing:
        _pause(tx, engine, fresh)
    elif held is not None and (held.is_stop or not fresh.has_children):
        after = yield_to(tx, engine, fresh, held)
        return after, after.run.status != RunStatus.RUNNING
    elif held is not None:  # as with a pause: children are in flight, and their end is when it is looked at again
        _stand(tx, engine, fresh, Rest(RunStatus.PENDING, WaitingFor.CHILD, None))
    elif rest is not None:
        _stand(tx, engine, fresh, rest)
    elif is_draining:
        hand_on(tx, engine, fresh.run)
    elif not wanted:
        raise RuntimeError(f"run {fresh.run.id} wants nothing and has not ended")
    else:
        return fresh, False
    return fresh, True


def _pause(tx: Tx, engine: Engine, known: Folded) -> None:
    """Nothing is in flight any more, or only children: then the run is about to pause until they have ended."""
    if known.has_children:
        kept: Change = {"waiting_for": WaitingFor.CHILD, "holds_slot": known.run.holds_slot, "is_pausing": True}
        let_go(tx, engine, known.run, RunStatus.PENDING, kept)
    else:
        emit(tx, let_go(tx, engine, known.run, RunStatus.PAUSED, {}), Paused())


def _stand(tx: Tx, engine: Engine, known: Folded, rest: Rest) -> None:
    """The slot of a run with live children is what they ride on."""
    if rest.waiting_for == WaitingFor.TIME:
        known = worker_append(tx, engine, known, (NewEntry("waiting", "time", {"for": "time"}),))
    held = known.run.holds_slot and known.has_children
    let_go(
        tx,
        engine,
        known.run,
        rest.status,
        {"waiting_for": rest.waiting_for, "wake_at": rest.wake_at, "holds_slot": held},
    )


def hand_back(tx: Tx, engine: Engine, known: Folded) -> None:
    """Let go of a run whose calls were cut off: the next worker makes them again. Raises Fenced."""
    run = worker_append(tx, engine, known, ()).run
    if run.status == RunStatus.RUNNING:
        hand_on(tx, engine, run)
