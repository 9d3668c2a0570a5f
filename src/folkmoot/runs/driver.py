"""The driver: one loop that takes any kind of run from journal entry to journal entry, and never asks which kind."""

import asyncio
import logging
from datetime import datetime

from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Unavailable
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.append import Fenced, Folded, NewEntry, catch_up, done, worker_append
from folkmoot.runs.events import Paused
from folkmoot.runs.journal import Action, Call, End, Executor, Fault, Outcome, Settlement, Use, Wait
from folkmoot.runs.live import LiveCall
from folkmoot.runs.moves import emit, let_go, move, tell
from folkmoot.runs.ports import Engine
from folkmoot.runs.queries import find_run_row, journal
from folkmoot.runs.rules import CALL_LIMIT, RunStatus, WaitingFor
from folkmoot.runs.tables import Run

_RETRY_SECONDS = 0.5
_MAY_HAVE_HAPPENED = Fault(
    code="may_have_happened",
    sentence="The server stopped while this tool was at work; it may have taken effect and was not called again",
)
_log = logging.getLogger(__name__)

Flight = asyncio.Task[Outcome]


class Driver:
    """Works on one run under one claim. All it remembers beside the journal is what is in flight."""

    def __init__(self, engine: Engine, known: Folded, intended: frozenset[str] = frozenset()) -> None:
        """`intended` are the keys of the uses that an earlier worker had begun and not recorded as done."""
        self.engine = engine
        self.known = known
        self.intended = intended
        self.executor: Executor[object] = engine.executor(known.run.kind)
        self.flights: dict[str, tuple[Call | Use, Flight]] = {}
        self.retry_at: dict[str, datetime] = {}
        self.is_draining = False
        self.news = asyncio.Event()

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
            for _, flight in self.flights.values():
                flight.cancel()

    async def _step(self) -> bool:
        """Start what is due, take in what is done; answers whether this worker is finished with the run."""
        if self.known.run.status != RunStatus.RUNNING:
            return True
        wanted = self.executor.procedure.wanted(self.known.state)
        end = self._must_end(wanted)
        if end is not None:
            await self._append((), end)
            return True
        if not self.is_draining and not self.known.run.is_pausing:
            await self._start(wanted)
        if not self.flights:
            return await self._rest(wanted)
        await self._gather()
        return False

    def _must_end(self, wanted: tuple[Action, ...]) -> End | None:
        run = self.known.run
        reason: Settlement | None = None
        if run.deadline_at is not None and run.deadline_at <= now():
            reason = "timeout"
        elif run.model_calls >= CALL_LIMIT and any(isinstance(action, Call) for action in wanted):
            reason = "call_limit"
        if reason is not None:
            return self.executor.procedure.settle(self.known.state, reason)
        return next((action for action in wanted if isinstance(action, End)), None)

    async def _start(self, wanted: tuple[Action, ...]) -> None:
        """Put every wanted call and use into flight; an effect is journalled as intended first."""
        for action in wanted:
            if not isinstance(action, Call | Use) or action.key in self.flights or self._is_later(action.key):
                continue
            if isinstance(action, Use) and action.effect != "none" and not await self._intend(action):
                continue
            live = LiveCall(self.engine.live, self.known.run.id, action.key)
            work = self.executor.perform(self.known.run, self.known.state, action, live)
            flight = self.engine.supervisor.start(work, f"run {self.known.run.id} {action.key}")
            flight.add_done_callback(lambda _: self.news.set())
            self.flights[action.key] = (action, flight)

    def _is_later(self, key: str) -> bool:
        return key in self.retry_at and self.retry_at[key] > now()

    async def _intend(self, use: Use) -> bool:
        """Journal the intention; answers whether to go on. What may already have happened is not done again."""
        if use.key not in self.intended:
            data: JsonObject = {
                "tool": use.tool,
                "arguments": use.arguments,
                "idempotency_key": idempotency_key(self.known.run.id, use),
            }
            await self._append((NewEntry("intended", use.key, data),))
            self.intended |= {use.key}
            return True
        if use.effect == "unsafe":
            await self._append((done(use, Outcome(fault=_MAY_HAVE_HAPPENED)),))
            return False
        return True

    async def _gather(self) -> None:
        """Wait for the first outcome, a poke or the deadline, and append all outcomes there are in one unit."""
        await self._sleep_until_news()
        landed = [key for key, (_, flight) in self.flights.items() if flight.done()]
        entries = []
        for key in landed:
            action, flight = self.flights.pop(key)
            outcome = flight.result()
            if outcome.retry_at is not None:
                self.retry_at[key] = outcome.retry_at
            else:
                entries.append(done(action, outcome))
        if entries:
            await self._append(tuple(entries))
        else:
            self.known = await self.engine.database.read(_look, self.executor, self.known)

    async def _sleep_until_news(self) -> None:
        moments = [at for key, at in self.retry_at.items() if key not in self.flights]
        if self.known.run.deadline_at is not None:
            moments.append(self.known.run.deadline_at)
        seconds = max(0.0, (min(moments) - now()).total_seconds()) if moments else None
        try:
            async with asyncio.timeout(seconds):
                await self.news.wait()
        except TimeoutError:
            return
        self.news.clear()

    async def _append(self, entries: tuple[NewEntry, ...], end: End | None = None) -> None:
        """One unit. A database that is down is waited for: what was paid for is not thrown away."""
        database, lost = self.engine.database, False
        while True:
            try:
                if lost:
                    self.known, entries = await database.read(_survey, self.executor, self.known, entries)
                if entries or end is not None or not lost:
                    self.known = await database.write(worker_append, self.engine, self.known, entries, end)
            except Unavailable as problem:
                await pause(self.known.run, problem)
                lost = True
            else:
                return

    async def _rest(self, wanted: tuple[Action, ...]) -> bool:
        """Nothing is in flight and nothing may start: append what time has done, or let go of the run."""
        over = [action for action in wanted if isinstance(action, Wait) and action.until <= now()]
        if over and not self.is_draining:
            await self._append(tuple(NewEntry("done", wait.key, {"value": None}) for wait in over))
            return self.known.run.status != RunStatus.RUNNING
        moments = [action.until for action in wanted if isinstance(action, Wait)]
        moments += [self.retry_at[action.key] for action in wanted if self._is_later(action.key)]
        wake_at = min(moments) if moments else None
        if not (wake_at or self.is_draining or self.known.run.is_pausing):
            raise RuntimeError(f"run {self.known.run.id} wants nothing and has not ended")
        await self.engine.database.write(_rest, self.engine, self.known, wake_at)
        return True


async def pause(run: Run, problem: Unavailable) -> None:
    """Before the database is asked again."""
    _log.warning("run %s: %s; trying again", run.id, problem.detail)
    await asyncio.sleep(_RETRY_SECONDS)


def idempotency_key(run_id: str, use: Use) -> str:
    """The same for every try of the same use of a tool."""
    return f"{run_id}:{use.key}"


def _look(tx: Tx, executor: Executor[object], known: Folded) -> Folded:
    run = find_run_row(tx, known.run.id)
    if run is None or run.epoch != known.run.epoch or run.status != RunStatus.RUNNING:
        raise Fenced
    return catch_up(tx, executor, Folded(run, known.state, known.seq), run.journal_seq)


def _survey(
    tx: Tx, executor: Executor[object], known: Folded, entries: tuple[NewEntry, ...]
) -> tuple[Folded, tuple[NewEntry, ...]]:
    """After a commit whose outcome is unknown: where the run stands, and which entries it does not hold yet."""
    written = {(entry.kind, entry.key) for entry in journal(tx, known.run.id, after=known.seq)}
    return _look(tx, executor, known), tuple(new for new in entries if (new.kind, new.key) not in written)


def _rest(tx: Tx, engine: Engine, known: Folded, wake_at: datetime | None) -> None:
    """Let go of a run: paused if that was asked for, waiting for a time, or free for the next worker."""
    fresh = worker_append(tx, engine, known, (NewEntry("waiting", "time", {"for": "time"}),) if wake_at else ())
    run = fresh.run
    if run.is_pausing:
        paused = let_go(tx, engine, run, RunStatus.PAUSED, {})
        emit(tx, paused, Paused())
    elif wake_at is not None:
        let_go(tx, engine, run, RunStatus.PENDING, {"waiting_for": WaitingFor.TIME, "wake_at": wake_at})
    else:
        _free(tx, engine, run)


def hand_back(tx: Tx, engine: Engine, known: Folded) -> None:
    """Let go of a run whose calls were cut off: the next worker makes them again. Raises Fenced."""
    _free(tx, engine, worker_append(tx, engine, known, ()).run)


def _free(tx: Tx, engine: Engine, run: Run) -> None:
    freed = move(
        tx,
        engine,
        run,
        RunStatus.PENDING,
        {"waiting_for": WaitingFor.START, "owner": None, "epoch": run.epoch + 1, "is_resumed": True},
    )
    tell(tx, engine, freed)
