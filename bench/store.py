"""The floor's store: raw SQLite with the product's durability (FULL) and one commit for all that waits."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
Unit = Callable[[sqlite3.Connection], object]

SCHEMA = """
pragma journal_mode = wal;
pragma synchronous = full;
create table conversation (id text primary key, last_seq integer not null);
create table message (
    id text primary key, conversation_id text not null, seq integer not null,
    direction text not null, text text not null, created_at text not null, unique (conversation_id, seq)
);
create table step (run_id text not null, seq integer not null, data text not null, primary key (run_id, seq));
"""


class Store:
    """Statements on the loop's thread, the commit (an fsync) in another; units must not raise."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.executescript(SCHEMA)
        self._committer = ThreadPoolExecutor(1)
        self._waiting: list[tuple[Unit, asyncio.Future[object]]] = []
        self._lane: asyncio.Task[None] | None = None

    def write(self, unit: Unit) -> "asyncio.Future[object]":
        """Done when it is committed."""
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting.append((unit, done))
        if self._lane is None:
            self._lane = asyncio.create_task(self._commit_all())
        return done

    async def _commit_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting, []
            self.connection.execute("begin immediate")
            results = [unit(self.connection) for unit, _ in group]
            await loop.run_in_executor(self._committer, self.connection.execute, "commit")
            for (_, done), result in zip(group, results, strict=True):
                if not done.cancelled():
                    done.set_result(result)
        self._lane = None

    def close(self) -> None:
        self._committer.shutdown()
        self.connection.close()
