"""Passwords: argon2id, in threads, so many at once that neither the event loop nor the memory suffers."""

import asyncio
from functools import cached_property
from typing import Annotated

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import Field

from folkmoot.http.text import Safe

SHORTEST, LONGEST = 8, 128

NewPassword = Annotated[Safe, Field(min_length=SHORTEST, max_length=LONGEST)]
"""A password as it may be chosen: any characters, taken whole."""

_AT_ONCE = 2
# OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024 + 512, parallelism=1)
_NOBODY = "nobody has this password"


class Passwords:
    """Hashes and compares; whoever is unknown costs what a known user costs."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        async with self._free:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def is_right(self, password: str, kept: str | None) -> bool:
        """Whether the password belongs to the hash; None is nobody's, and takes as long."""
        async with self._free:
            return await asyncio.to_thread(self._compare, password, kept) and kept is not None

    def _compare(self, password: str, kept: str | None) -> bool:
        try:
            return _HASHER.verify(kept or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False

    @cached_property
    def _nobodys(self) -> str:
        return _HASHER.hash(_NOBODY)
