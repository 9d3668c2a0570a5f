"""Connections of the engine's own to PostgreSQL: what they listen to and hold must not be a pool's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import make_url

from folkmoot.db.server import APPLICATION, Manner, reach
from folkmoot.db.server import faults as faults

if TYPE_CHECKING:
    from asyncpg import Connection, Record

PATIENCE_SECONDS = 5.0
"""How long a connection, or a statement on it, may take before it counts as lost."""


async def connected(url: str, name: str = APPLICATION) -> Connection[Record]:
    """Raises one of `faults`, BehindPooler."""
    return await reach(make_url(url), Manner(name), connect_seconds=PATIENCE_SECONDS, answer_seconds=PATIENCE_SECONDS)
