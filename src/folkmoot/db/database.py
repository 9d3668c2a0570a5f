"""Database: `write` and `read`, the same two doors in front of SQLite and PostgreSQL."""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Concatenate, ParamSpec, TypeVar
from zlib import crc32

import sqlalchemy as sa

from folkmoot.db.figures import DatabaseFigures
from folkmoot.db.lanes import Hooks, Job, Lane
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.supervisor import Supervisor

P = ParamSpec("P")
T = TypeVar("T")


class Database(ABC):
    """Runs units of work: plain functions `f(tx, ...)` without effects outside `tx`, which may run twice."""

    dialect: str

    def __init__(self, hooks: Hooks, lanes: int) -> None:
        self.hooks = hooks
        self.figures = DatabaseFigures()
        self._is_shared = self.dialect != "sqlite"
        self._lanes = [
            Lane(self._transact, self.translate, hooks, self.figures, is_shared=self._is_shared) for _ in range(lanes)
        ]
        self._translated = _Translated(self.translate)
        self._supervisor = Supervisor()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Connect and start the lanes. Raises DatabaseUnavailable."""
        await self.ping()
        self._tasks = [
            self._supervisor.start(lane.run(), f"database lane {number}") for number, lane in enumerate(self._lanes)
        ]

    async def close(self) -> None:
        """Commit what waits, then let go of the database."""
        for lane in self._lanes:
            lane.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def write(self, unit: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a unit in the lane of the workspace that one of its arguments is of; returns after the commit.

        Raises what the unit raised, DatabaseUnavailable where the database is down. A caller that is
        cancelled while it waits takes its unit with it, unless that is already on its way.
        """
        workspace_id = _workspace_of((*args, *kwargs.values())) if self._is_shared else ""
        lane = self._lanes[crc32(workspace_id.encode()) % len(self._lanes)]
        answer: T = await lane.submit(bind(unit, *args, **kwargs), workspace_id)
        return answer

    @abstractmethod
    async def read(self, unit: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short read-only unit on a consistent snapshot that holds every commit so far.

        Raises what the unit raised, DatabaseUnavailable.
        """

    @abstractmethod
    async def read_long(self, unit: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `read`, for lists, searches and exports: never holds up the event loop."""

    @abstractmethod
    async def ping(self) -> None:
        """Ask the database for a sign of life. Raises DatabaseUnavailable."""

    @abstractmethod
    async def _transact(self, jobs: list[Job]) -> list[Job]:
        """Run the group in one transaction and commit; answers the jobs that were committed."""

    @staticmethod
    @abstractmethod
    def translate(error: Exception) -> Problem | None:
        """The Problem that a driver's error means, None where it is nobody's but the code's."""


class _Translated:
    """Around what asks the database: its own errors come out as Problems. Raises DatabaseUnavailable."""

    __slots__ = ("_translate",)

    def __init__(self, translate: Callable[[Exception], Problem | None]) -> None:
        self._translate = translate

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sa.exc.SQLAlchemyError | sqlite3.Error | OSError):
            problem = self._translate(error)
            if problem is not None:
                raise problem from error


def _workspace_of(args: Iterable[object]) -> str:
    """Of a Scope, of a row, of whatever else says it; empty where nothing does."""
    named = (getattr(arg, "workspace_id", None) for arg in args)
    return next((workspace_id for workspace_id in named if isinstance(workspace_id, str)), "")


def bind(unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> Callable[[Tx], T]:
    def bound(tx: Tx) -> T:
        return unit(tx, *args, **kwargs)

    return bound
