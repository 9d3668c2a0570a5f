"""The dispatcher of many processes: pgqueuer on PostgreSQL. Its rows decide nothing; the runs table is the truth.

A row is gone as soon as a process has taken it: who works on a run, and that its process lives, stand elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.engine.dispatch import CONCURRENCY, Told, Work
from folkmoot.engine.postgres import PATIENCE_SECONDS, connected, faults
from folkmoot.kernel.json import dumps, loads
from folkmoot.kernel.supervisor import Supervisor

if TYPE_CHECKING:
    from asyncpg import Connection, Record
    from pgqueuer.domain.models import Job
    from pgqueuer.queries import Queries

OUTBOX = 10_000
"""Tells that wait to be sent; past it the newest are dropped, and told again by the sweep."""
BATCH = 32
"""Rows that one statement writes or takes."""
POLL_SECONDS = 2.0
"""How often the queue is looked at without having been told, and so rows found whose taker died in the act."""
STALE = timedelta(seconds=5)
"""How long a process has from taking a row to having begun."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 2.0
_NAMES = {
    "prefix": "folkmoot_",
    "db_schema": None,
    "channel": "folkmoot_ch_pgqueuer",
    "function": "folkmoot_fn_pgqueuer_changed",
    "statistics_table": "folkmoot_pgqueuer_statistics",
    "queue_status_type": "folkmoot_pgqueuer_status",
    "queue_table": "folkmoot_pgqueuer",
    "queue_table_log": "folkmoot_pgqueuer_log",
    "trigger": "folkmoot_tg_pgqueuer_changed",
    "schedules_table": "folkmoot_pgqueuer_schedules",
    "durability": "volatile",
}
"""As the migration gave them: the environment may say something else of another queue."""
_FORGET = sa.text("delete from folkmoot_pgqueuer_log where created < now() - interval '1 hour'")

_log = logging.getLogger(__name__)


class QueueDispatcher:
    """Tells all processes by the queue, and takes from it while there is room here.

    What is told goes out also before `start` and after `stop`: others may work on it.
    """

    def __init__(self, url: str, supervisor: Supervisor, concurrency: int = CONCURRENCY) -> None:
        self._url = url
        self._supervisor = supervisor
        self._concurrency = concurrency
        self._outbox: dict[tuple[str, int], Told] = {}
        self._at_work: set[tuple[str, int]] = set()
        self._work: Work | None = None
        self._news = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[None] | None = None
        self._teller: Connection[Record] | None = None

    def tell(self, told: Told) -> None:
        if told.key in self._at_work or told.key in self._outbox or len(self._outbox) >= OUTBOX:
            return
        self._outbox[told.key] = told
        if self._sending is None or self._sending.done():
            self._sending = self._supervisor.start(self._send(), "tell of runs")

    async def start(self, work: Work, kinds: Collection[str]) -> None:
        self._work = work
        self._taking = self._supervisor.start(self._take_forever(frozenset(kinds)), "take runs from the queue")

    async def stop(self) -> None:
        self._work = None
        self._news.set()
        if self._taking is not None:
            await asyncio.wait((self._taking,), timeout=PATIENCE_SECONDS)
            self._taking.cancel()

    async def close(self) -> None:
        if self._sending is not None:
            await asyncio.wait((self._sending,), timeout=PATIENCE_SECONDS)
        if self._teller is not None:
            self._teller.terminate()

    async def _send(self) -> None:
        """Until nothing is left to tell. Where the database is gone the sweep tells again later."""
        try:
            if self._teller is None or self._teller.is_closed():
                self._teller = await connected(self._url)
            queries = _queries(self._teller)
            while self._outbox:
                batch = list(self._outbox.values())[:BATCH]
                await queries.enqueue(
                    [told.kind for told in batch],
                    [dumps([told.run_id, told.epoch, told.workspace_id]).encode() for told in batch],
                    [told.priority for told in batch],
                    dedupe_key=[f"{told.run_id}:{told.epoch}" for told in batch],
                    on_conflict="skip",
                )
                for told in batch:
                    del self._outbox[told.key]
        except faults() as error:
            self._outbox.clear()
            _log.warning("runs cannot be told of right now: %s", error)

    async def _take_forever(self, kinds: frozenset[str]) -> None:
        pause, was_lost = _FIRST_PAUSE_SECONDS, False
        while self._work is not None:
            try:
                async with self._listening() as queries:
                    if was_lost:
                        _log.info("the queue is back")
                    pause, was_lost = _FIRST_PAUSE_SECONDS, False
                    await self._take(queries, kinds)
            except faults() as error:
                if not was_lost:
                    _log.warning("the queue is gone; no runs are taken from it: %s", error)
                was_lost = True
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[Queries]:
        """The queue over a connection of its own, which says when there is more, or when it is lost."""
        connection = await connected(self._url)
        try:
            queries = _queries(connection)
            await queries.driver.add_listener(queries.qbe.settings.channel, self._heard)
            connection.add_termination_listener(lambda _: self._news.set())
            yield queries
        finally:
            connection.terminate()

    def _heard(self, payload: str | bytes | bytearray) -> None:
        told = loads(payload if isinstance(payload, str) else bytes(payload))
        if isinstance(told, dict) and told.get("operation") == "insert":
            self._news.set()

    async def _take(self, queries: Queries, kinds: frozenset[str]) -> None:
        """Take rows as long as there are some and there is room, then wait for more of either."""
        from pgqueuer.ports.repository import EntrypointExecutionParameter
        from pgqueuer.types import QueueEntrypoint, QueueManagerId

        wanted = {QueueEntrypoint(kind): EntrypointExecutionParameter(concurrency_limit=0) for kind in kinds}
        here = QueueManagerId(uuid4())
        while self._work is not None:
            self._news.clear()
            room = min(BATCH, self._concurrency - len(self._at_work))
            jobs = await queries.dequeue(room, wanted, here, None, STALE) if room > 0 else []
            if jobs:
                begun = [self._begin(job) for job in jobs]
                await queries.log_jobs([(job, "successful", None) for job in jobs])
                for told in begun:
                    if told is not None:
                        self.tell(told)
            if room <= 0 or len(jobs) < room:
                await _first(self._news, POLL_SECONDS)

    def _begin(self, job: Job) -> Told | None:
        """Work on the run of a row; answers what has to be told anew, as `stop` came in between."""
        told = _told(job)
        if self._work is None:
            return told
        if told.key not in self._at_work:
            self._at_work.add(told.key)
            self._supervisor.start(self._run(self._work, told), f"dispatch {told.run_id}")
        return None

    async def _run(self, work: Work, told: Told) -> None:
        try:
            await work(told)
        finally:
            if len(self._at_work) >= self._concurrency:
                self._news.set()
            self._at_work.discard(told.key)


def forget(tx: Tx) -> None:
    """Clear away what pgqueuer notes of rows that are gone."""
    tx.write(_FORGET)


async def _first(news: asyncio.Event, seconds: float) -> None:
    """Until there is news, at most so long."""
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return


def _told(job: Job) -> Told:
    match loads(job.payload or b""):
        case [str() as run_id, int() as epoch, str() as workspace_id]:
            return Told(run_id, epoch, job.entrypoint, workspace_id, job.priority)
    raise ValueError(f"row {job.id} of the queue is none of ours")


def _queries(connection: Connection[Record]) -> Queries:
    from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
    from pgqueuer.db import AsyncpgDriver
    from pgqueuer.domain.settings import DBSettings
    from pgqueuer.queries import Queries

    names = DBSettings.model_validate(_NAMES)
    return Queries(
        AsyncpgDriver(connection),
        qbe=QueryBuilderEnvironment(names),
        qbq=QueryQueueBuilder(names),
        qbs=QuerySchedulerBuilder(names),
    )
