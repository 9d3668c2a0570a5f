"""Answers that are known already: only to exactly the same question of the same workspace, in memory or in Redis."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from folkmoot.kernel.json import JsonObject, dumps, loads

if TYPE_CHECKING:
    from redis.asyncio import Redis

KEPT_SECONDS = 86_400
"""How long an answer is known."""

MOST_ENTRIES = 1_000
MOST_BYTES = 32_000_000
LARGEST_BYTES = 1_000_000
"""Of one answer; a larger one is not kept."""

_PATIENCE_SECONDS = 0.5
_REST_SECONDS = 30.0
_log = logging.getLogger(__name__)


class AnswerCache(Protocol):
    """Where answers are kept. Nothing here raises for a server that is down: then nothing is known."""

    async def find(self, key: str) -> JsonObject | None: ...

    async def keep(self, key: str, answer: JsonObject) -> None: ...

    async def aclose(self) -> None: ...


class MemoryCache:
    """This process's own: what was used the longest time ago goes first."""

    def __init__(self, most_entries: int = MOST_ENTRIES, most_bytes: int = MOST_BYTES) -> None:
        self._most_entries, self._most_bytes = most_entries, most_bytes
        self._kept: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Of the answers and their keys."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._kept)

    async def find(self, key: str) -> JsonObject | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept[0] <= time.monotonic():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return _object(kept[1])

    async def keep(self, key: str, answer: JsonObject) -> None:
        text = dumps(answer)
        size = _size(key, text)
        if size > min(LARGEST_BYTES, self._most_bytes):
            return
        if key in self._kept:
            self._drop(key)
        while self._kept and (len(self._kept) >= self._most_entries or self._bytes + size > self._most_bytes):
            self._drop(next(iter(self._kept)))
        self._kept[key] = (time.monotonic() + KEPT_SECONDS, text)
        self._bytes += size

    async def aclose(self) -> None:
        self._kept.clear()
        self._bytes = 0

    def _drop(self, key: str) -> None:
        self._bytes -= _size(key, self._kept.pop(key)[1])


class RedisCache:
    """Shared by all processes of an installation. A Redis that is down is left alone for half a minute."""

    def __init__(self, url: str) -> None:
        from redis.asyncio import Redis
        from redis.exceptions import RedisError

        self._faults: tuple[type[Exception], ...] = (RedisError, OSError)
        self._redis: Redis = Redis.from_url(
            url, socket_connect_timeout=_PATIENCE_SECONDS, socket_timeout=_PATIENCE_SECONDS
        )
        self._rests_until = 0.0

    async def find(self, key: str) -> JsonObject | None:
        if time.monotonic() < self._rests_until:
            return None
        try:
            text = await self._redis.get(_name(key))
        except self._faults as fault:
            self._rest(fault)
            return None
        return None if text is None else _object(text)

    async def keep(self, key: str, answer: JsonObject) -> None:
        text = dumps(answer)
        if _size(key, text) > LARGEST_BYTES or time.monotonic() < self._rests_until:
            return
        try:
            await self._redis.set(_name(key), text, ex=KEPT_SECONDS)
        except self._faults as fault:
            self._rest(fault)

    async def aclose(self) -> None:
        await self._redis.aclose()

    def _rest(self, fault: Exception) -> None:
        self._rests_until = time.monotonic() + _REST_SECONDS
        _log.warning("Redis does not answer; for %.0f seconds no answer is known: %s", _REST_SECONDS, fault)


def open_cache(backend: str, redis_url: str | None) -> AnswerCache | None:
    """None where none is wanted; `redis` has a URL, which the start has checked."""
    match backend:
        case "memory":
            return MemoryCache()
        case "redis":
            assert redis_url is not None, "checked by check_cache"
            return RedisCache(redis_url)
        case _:
            return None


def _name(key: str) -> str:
    return f"folkmoot:answer:{key}"


def _size(key: str, text: str) -> int:
    return len(key) + len(text.encode())


def _object(text: str | bytes) -> JsonObject | None:
    """What was kept; anything else in its place is as good as nothing."""
    try:
        value = loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
