"""Counting, over all workspaces: figures for the operator, never for a tenant."""

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.runs.tables import Run

_LIVE = ("pending", "running", "paused")
_COUNT = sa.select(sa.func.count()).select_from(Run).where(Run.status == sa.bindparam("status"))


def live_runs(tx: Tx) -> dict[str, int]:
    """How many runs have each of the statuses pending, running and paused."""
    return {status: tx.scalar(_COUNT, status=status) for status in _LIVE}
