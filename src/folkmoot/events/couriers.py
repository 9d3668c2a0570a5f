"""The couriers of the relay: PostgreSQL's NOTIFY and Redis pub/sub. Their libraries are loaded where one is used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from folkmoot.db.server import Manner, faults, reach
from folkmoot.events.relay import PATIENCE_SECONDS

if TYPE_CHECKING:
    from asyncpg import Connection, Record
    from redis.asyncio.client import PubSub

Heard = Callable[[str, str], None]


class PostgresCourier:
    """NOTIFY on a connection of its own: wakes, and nothing longer than that."""

    name = "PostgreSQL's NOTIFY"
    carries_all = False

    def __init__(self, url: str) -> None:
        self.faults: tuple[type[Exception], ...] = faults()
        self._url = make_url(url)
        self._followed: frozenset[str] = frozenset()
        self._connection: Connection[Record] | None = None
        self._heard: Heard = _nobody

    @asynccontextmanager
    async def connection(self, heard: Heard) -> AsyncIterator[Awaitable[None]]:
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        opened = await reach(self._url, Manner(), connect_seconds=PATIENCE_SECONDS)

        def end(_: object) -> None:
            if not lost.done():
                lost.set_exception(ConnectionResetError("the connection was lost"))

        try:
            self._connection, self._followed, self._heard = opened, frozenset(), heard
            opened.add_termination_listener(end)
            yield lost
        finally:
            self._connection = None
            lost.cancel()
            opened.terminate()

    async def follow(self, channels: frozenset[str]) -> None:
        assert self._connection is not None, "inside `connection`"
        for channel in channels - self._followed:
            await self._connection.add_listener(channel, self._notified)
        for channel in self._followed - channels:
            await self._connection.remove_listener(channel, self._notified)
        self._followed = channels

    def _notified(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        self._heard(channel, str(payload))

    async def send(self, channel: str, message: str) -> None:
        assert self._connection is not None, "inside `connection`"
        await self._connection.execute("select pg_notify($1, $2)", channel, message)


class RedisCourier:
    """Redis pub/sub."""

    name = "Redis"
    carries_all = True

    def __init__(self, url: str) -> None:
        from redis.asyncio import Redis
        from redis.exceptions import RedisError

        self.faults: tuple[type[Exception], ...] = (RedisError,)
        self._redis: Redis = Redis.from_url(
            url, socket_connect_timeout=PATIENCE_SECONDS, health_check_interval=10, decode_responses=True
        )
        self._hearing: PubSub | None = None

    @asynccontextmanager
    async def connection(self, heard: Heard) -> AsyncIterator[Awaitable[None]]:
        self._hearing = self._redis.pubsub(ignore_subscribe_messages=True)
        try:
            await self._redis.ping()
            yield _hear_all(self._hearing, heard)
        finally:
            await self._hearing.aclose()  # type: ignore[no-untyped-call]
            self._hearing = None
            await self._redis.aclose()

    async def follow(self, channels: frozenset[str]) -> None:
        assert self._hearing is not None, "inside `connection`"
        known = frozenset(self._hearing.channels)
        if channels - known:
            await self._hearing.subscribe(*(channels - known))
        if known - channels:
            await self._hearing.unsubscribe(*(known - channels))

    async def send(self, channel: str, message: str) -> None:
        await self._redis.publish(channel, message)


async def _hear_all(hearing: PubSub, heard: Heard) -> None:
    while True:
        message = await hearing.get_message(timeout=PATIENCE_SECONDS)
        if message is not None:
            heard(message["channel"], message["data"])


def _nobody(_channel: str, _message: str) -> None:
    """Nobody hears yet."""
