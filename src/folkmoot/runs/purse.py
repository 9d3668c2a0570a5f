"""Who pays for a run's calls: what each can take is set aside before it is made, and where that fails the run rests."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Unavailable
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.llm.messages import Ceiling, Usage
from folkmoot.runs.append import Fenced, NewEntry, worker_append
from folkmoot.runs.events import Paused
from folkmoot.runs.folded import Folded
from folkmoot.runs.held import CallHeld, CallLater, Held
from folkmoot.runs.journal import Call, End, Entry, Procedure, Use
from folkmoot.runs.moves import emit, let_go
from folkmoot.runs.ports import Engine
from folkmoot.runs.queries import find_run_row
from folkmoot.runs.rules import RunStatus, WaitingFor
from folkmoot.runs.spending import charge, is_covered, spender_of
from folkmoot.runs.tables import Run
from folkmoot.usage.reserving import Refusal, Stake, give_back, reserve, settle_lost
from folkmoot.usage.rules import OnExceeded, Verdict

R = TypeVar("R")

LATER_SECONDS = 5.0
"""When a call is tried again for which others still had set too much aside."""

_PAUSES = (0.05, 0.1, 0.2, 0.4, *(0.8,) * 8)
"""Seconds between tries in place while others have set too much aside: calls that are under way come back."""
_RETRY_SECONDS = 0.5
_log = logging.getLogger(__name__)

_SCHEDULED = "schedule_id"
"""In the metadata of a run that a schedule has started."""

_MINE = (
    sa.update(Run)
    .where(Run.id == sa.bindparam("this_run"), Run.epoch == sa.bindparam("mine"), Run.status == "running")
    .values(epoch=Run.epoch)
    .returning(Run.id)
)


class Purse:
    """The account of one call in flight, under one claim of its run; an `Account` of the gateway's."""

    def __init__(self, engine: Engine, run: Run, call: Call) -> None:
        self._engine = engine
        self._run = run
        self._call = call
        self._flight = new_id()
        self._spent: Usage | None = None

    async def reserve(self, ceiling: Ceiling) -> None:
        """Raises CallHeld where a budget is used up, CallLater where it may not be, Fenced where the claim is lost."""
        for pause in (*_PAUSES, None):
            refusal = await self._write(self._reserve, ceiling)
            if refusal is None:
                return
            if refusal.fact is not None:
                raise CallHeld(Held(fact=refusal.fact, is_stop=refusal.on_exceeded == OnExceeded.STOP))
            if pause is not None:
                await asyncio.sleep(pause)
        raise CallLater(now() + timedelta(seconds=LATER_SECONDS))

    def took(self, usage: Usage | None) -> None:
        if usage is not None:
            self._spent = usage if self._spent is None else self._spent + usage

    async def give_back(self) -> None:
        """The call is to be asked again later: only what its tries took is kept. Raises Fenced."""
        await self._write(self._give_back)

    async def _write(self, unit: Callable[..., R], *arguments: object) -> R:
        """A database that is down is waited for: a flight must not end for that."""
        while True:
            try:
                return await self._engine.database.write(unit, self._run, *arguments)
            except Unavailable as problem:
                _log.warning("run %s: %s; trying again", self._run.id, problem.detail)
                await asyncio.sleep(_RETRY_SECONDS)

    def _reserve(self, tx: Tx, run: Run, ceiling: Ceiling) -> Refusal | None:
        stake = self._stake(tx)
        lost = settle_lost(tx, stake)
        refusal = reserve(tx, stake, ceiling, self._spent)
        is_over = refusal is not None and refusal.verdict != Verdict.BUSY
        for usage in (lost, self._spent if is_over else None):
            if usage is not None:
                charge(tx, run.id, usage)
        return refusal

    def _give_back(self, tx: Tx, run: Run) -> None:
        give_back(tx, self._stake(tx), self._spent)
        if self._spent is not None:
            charge(tx, run.id, self._spent)

    def _stake(self, tx: Tx) -> Stake:
        """Holds the run's row. Raises Fenced."""
        run = self._run
        if tx.write_returning(Run, _MINE, this_run=run.id, mine=run.epoch) is None:
            tx.wrote = False
            raise Fenced
        return Stake(
            spender=spender_of(run, self._call.agent_id),
            run_ids=(run.id, *_above(tx, run)),
            key=self._call.key,
            flight=self._flight,
            is_closing=self._call.closing,
            is_attended=run.parent_run_id is None and _SCHEDULED not in run.meta_data,
        )


def _above(tx: Tx, run: Run) -> tuple[str, ...]:
    """The runs that this one was started by, the nearest first."""
    found: list[str] = []
    parent_id = run.parent_run_id
    while parent_id is not None:
        found.append(parent_id)
        parent = find_run_row(tx, parent_id)
        parent_id = parent.parent_run_id if parent is not None else None
    return tuple(found)


def purse_of(engine: Engine, run: Run, action: Call | Use) -> Purse | None:
    """None where no budget can be over the run: nothing is written then. Tools cost nothing."""
    return Purse(engine, run, action) if isinstance(action, Call) and is_covered(engine, run) else None


def yield_to(tx: Tx, engine: Engine, known: Folded, held: Held) -> Folded:
    """A budget is used up and nothing is in flight: the run ends, or is paused until there is room. Raises Fenced.

    One that is to end goes on where there is a last call to be made, of what is kept back for it.
    """
    emit(tx, known.run, held.fact)
    if held.is_stop:
        procedure = engine.executor(known.run.kind).procedure
        by: JsonObject = {"type": "budget", "name": "a budget", "id": held.fact.budget_id}
        closing = NewEntry("controlled", "budget", {"verb": "close", "by": by})
        if _has_last_call(tx, procedure, known, closing):
            return worker_append(tx, engine, known, (closing,))
        return worker_append(tx, engine, known, (), exhausted(procedure.settle(known.state, "budget")))
    entry = NewEntry("waiting", "budget", {"for": "budget", "ref": held.fact.budget_id})
    after = worker_append(tx, engine, known, (entry,))
    paused = let_go(
        tx, engine, after.run, RunStatus.PAUSED, {"waiting_for": WaitingFor.BUDGET, "stop_reason": held.fact.reason}
    )
    emit(tx, paused, Paused())
    return after.at(paused)


def _has_last_call(tx: Tx, procedure: Procedure[object], known: Folded, closing: NewEntry) -> bool:
    """Whether all that the run wants once it is closed is a closing call, and not the one that was refused."""
    entry = Entry(known.seq + 1, tx.at, closing.kind, closing.key, closing.data)
    match procedure.wanted(procedure.apply(known.state, entry)):
        case (Call(closing=True, key=key),) if not known.has_children:
            return all(action.key != key for action in procedure.wanted(known.state))
        case _:
            return False


def exhausted(end: End) -> End:
    """How a run ends whose budget is used up and that is not to wait for a person; what it has so far is kept.

    A kind of run that knows better says so: it may have been done but for its summary.
    """
    if end.stop_reason != "budget":
        return end
    sentence = "The budget is used up; the results so far are kept"
    return replace(
        end, status="failed", stop_reason="budget_exhausted", error_code="budget_exhausted", error_message=sentence
    )
