"""Lanes: units of work wait their turn here and are committed together, up to 64 at once."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import sqlalchemy as sa

from folkmoot.db.figures import DatabaseFigures
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Problem, Unavailable
from folkmoot.kernel.facts import Emission
from folkmoot.kernel.origin import Origin, origin

GROUP = 64

_log = logging.getLogger(__name__)


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached right now"""


class DatabaseBusy(DatabaseUnavailable):
    """The database is held by another process"""


class OutcomeUnknown(DatabaseUnavailable):
    """The database was lost while it stored the change, which may or may not have happened"""

    retryable = False


class DatabaseClosed(Unavailable):
    """The server is shutting down"""


class BatchSpoiled(Exception):
    """A unit of a group raised after it had written: nothing of the group may be committed."""


@dataclass(eq=False, slots=True)
class Job:
    """One unit of work on its way through a lane."""

    unit: Callable[[Tx], Any]
    answer: "asyncio.Future[Any]"
    workspace_id: str = ""
    result: Any = None
    tx: Tx | None = None
    since: float = field(default_factory=perf_counter)
    origin: Origin = field(default_factory=origin)

    def reject(self, error: BaseException) -> None:
        if self.answer.done():
            return
        if isinstance(error, StopIteration):  # which a future refuses to carry
            error = RuntimeError("a unit of work raised StopIteration")
        self.answer.set_exception(error)

    def resolve(self) -> None:
        if not self.answer.done():
            self.answer.set_result(self.result)


@dataclass(slots=True)
class Hooks:
    """What the rooms above hang into every transaction.

    `before_commit` runs at the end of each unit, inside it. `store` gets all that the units of a group have emitted,
    in order, as the last thing before the commit: what all of them want to lock is locked no longer than that.
    `published` is told, after the commit, which workspaces have new events.
    """

    before_commit: Sequence[Callable[[Tx], None]] = ()
    store: Callable[[Tx, Sequence[Emission]], None] = field(default=lambda tx, emissions: None)
    published: Callable[[set[str]], None] = field(default=lambda _: None)


def run_group(begin: Callable[[], Tx], jobs: Iterable[Job], hooks: Hooks) -> list[Job]:
    """Run every unit in the open transaction, each with a Tx of its own; answers those ready to be committed.

    A unit that raises before it wrote anything is rejected and the group goes on without it.
    Raises BatchSpoiled where a unit had already written, and any error of the database itself.
    """
    ready = []
    for job in jobs:
        if job.answer.done():
            continue
        job.tx = tx = begin()
        tx.origin = job.origin
        try:
            job.result = job.unit(tx)
            for hook in hooks.before_commit:
                hook(tx)
        except sa.exc.DBAPIError:
            raise
        except Exception as error:
            if tx.wrote:
                raise BatchSpoiled from error
            job.reject(error)
        else:
            ready.append(job)
    emissions = [emission for job in ready if job.tx is not None for emission in job.tx.emissions]
    if emissions:
        hooks.store(begin(), emissions)
    return ready


def publish(jobs: Iterable[Job], hooks: Hooks) -> None:
    """After the commit: resolve the callers, do what was to be done after, say which workspaces moved."""
    workspaces: set[str] = set()
    for job in jobs:
        job.resolve()
        if job.tx is not None:
            workspaces.update(emission.workspace_id for emission in job.tx.emissions)
            for effect in job.tx.effects:
                _attempt(effect)
    if workspaces:
        _attempt(lambda: hooks.published(workspaces))


def _attempt(effect: Callable[[], None]) -> None:
    try:
        effect()
    except Exception:  # noqa: BLE001 the lane's border: what is committed is not undone by its effects
        _log.exception("an effect of a committed unit failed")


class Lane:
    """Takes all that waits, runs it in one transaction, commits once.

    If that fails each unit is run again alone, so that only the culprit fails; unless the database itself
    was out of reach, or nobody knows whether it committed: then all of them fail at once.
    """

    def __init__(
        self,
        transact: Callable[[list[Job]], Awaitable[list[Job]]],
        translate: Callable[[Exception], Problem | None],
        hooks: Hooks,
        figures: DatabaseFigures,
        *,
        is_shared: bool,
    ) -> None:
        self._transact = transact
        self._translate = translate
        self._hooks = hooks
        self._figures = figures
        self._is_shared = is_shared
        self._waiting: deque[Job] = deque()
        self._work = asyncio.Event()
        self._closed = False

    def submit(self, unit: Callable[[Tx], Any], workspace_id: str) -> "asyncio.Future[Any]":
        if self._closed:
            raise DatabaseClosed
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(Job(unit, answer, workspace_id))
        self._work.set()
        return answer

    async def run(self) -> None:
        """The lane's loop; ends when it is closed and empty."""
        while not (self._closed and not self._waiting):
            await self._work.wait()
            self._work.clear()
            while self._waiting:
                group = self._group()
                at = perf_counter()
                self._figures.began([at - job.since for job in group])
                await self._run(group)

    def _group(self) -> list[Job]:
        """What is next. On a shared database all of one workspace: processes with rows of several block each other."""
        if not self._is_shared:
            return [self._waiting.popleft() for _ in range(min(GROUP, len(self._waiting)))]
        workspace_id, group, others = self._waiting[0].workspace_id, list[Job](), deque[Job]()
        for job in self._waiting:
            (group if job.workspace_id == workspace_id and len(group) < GROUP else others).append(job)
        self._waiting = others
        return group

    async def _run(self, group: list[Job]) -> None:
        try:
            committed = await self._transact(group)
        except Exception as error:  # noqa: BLE001 the lane's border: whatever a unit raised goes to its caller
            pending = [job for job in group if not job.answer.done()]
            if len(group) == 1 or isinstance(self._problem(error), DatabaseUnavailable):
                self._reject(pending, error)
            else:
                for job in pending:
                    await self._run([job])
        else:
            publish(committed, self._hooks)
            self._figures.committed(len(job.tx.emissions) for job in committed if job.tx is not None)

    def _reject(self, jobs: list[Job], error: Exception) -> None:
        if isinstance(error, BatchSpoiled) and error.__cause__ is not None:
            for job in jobs:
                job.reject(error.__cause__)
            return
        _log.warning("units of work failed: %s", error)
        for job in jobs:
            problem = self._problem(error)
            if problem is not None and problem is not error:
                problem.__cause__ = error
            job.reject(problem or error)

    def _problem(self, error: Exception) -> Problem | None:
        return error if isinstance(error, DatabaseUnavailable) else self._translate(error)

    def close(self) -> None:
        self._closed = True
        self._work.set()
