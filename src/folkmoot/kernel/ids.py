"""Ids: UUIDv7 (RFC 9562), strictly increasing within a process, so that age is order."""

import os
import re
import threading
import time

from folkmoot.kernel.errors import Problem

_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)

_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""A random digit with the two highest bits of RFC 9562's variant."""

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A new 36-character id; one made later in this process sorts later as text.

    RFC 9562 section 6.2, method 3: 48 bits of Unix milliseconds, then 12 bits of the
    sub-millisecond fraction as a counter that is moved on by one where the clock stands still.
    """
    global _last  # noqa: PLW0603 the one process-wide counter this product needs
    with _lock:
        ticks = (time.time_ns() << 12) // 1_000_000
        _last = ticks if ticks > _last else _last + 1
        ticks = _last
    at, tail = f"{ticks:015x}", os.urandom(8).hex()
    return f"{at[:8]}-{at[8:12]}-7{at[12:]}-{_VARIANT[tail[0]]}{tail[1:4]}-{tail[4:]}"


def is_id(text: str) -> bool:
    """Whether the text is a UUID in its canonical 36-character form."""
    return _ID.fullmatch(text) is not None


def checked_id(text: str, missing: type[Problem]) -> str:
    """An id in its one spelling. What is no id names nothing: raises `missing`."""
    if not is_id(text):
        raise missing
    return text.lower()
