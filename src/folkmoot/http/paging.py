"""Paging of lists by `skip` and `limit`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query

LIMIT = 200
SKIP = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for."""

    skip: int
    limit: int


async def _window(
    skip: Annotated[int, Query(ge=0, le=SKIP)] = 0,
    limit: Annotated[int, Query(ge=1, le=LIMIT)] = 50,
) -> Window:
    return Window(skip, limit)


Paging = Annotated[Window, Depends(_window)]


def page(resource: str, items: Sequence[object], total: int, paging: Window) -> dict[str, object]:
    """`{"<resource>": [...], "total", "skip", "limit"}`."""
    return {resource: items, "total": total, "skip": paging.skip, "limit": paging.limit}
