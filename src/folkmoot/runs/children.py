"""A run that is over takes its children with it: at once in the process that ended it, else in the next sweep."""

import logging
from collections.abc import Sequence

from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Unavailable
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.append import lock_run, verb_end
from folkmoot.runs.ports import Engine
from folkmoot.runs.queries import find_run_row, live_children
from folkmoot.runs.rules import FINAL
from folkmoot.runs.tables import Run

_log = logging.getLogger(__name__)


async def end_children(engine: Engine, parent: Run) -> None:
    """Cancel what is still live of the run's children; their own children follow in the same way."""
    try:
        await end_orphans(engine, await engine.database.read(live_children, parent.id))
    except Unavailable as problem:
        _log.warning("the children of run %s are ended later: %s", parent.id, problem.detail)


async def end_orphans(engine: Engine, orphans: Sequence[Run]) -> None:
    for run in orphans:
        await engine.database.write(end_orphan, engine, run)


def end_orphan(tx: Tx, engine: Engine, seen: Run) -> None:
    run = lock_run(tx, seen.workspace_id, seen.id)
    if run is None or run.status in FINAL or run.parent_run_id is None:
        return
    parent = find_run_row(tx, run.parent_run_id)
    assert parent is not None, "a parent is not deleted before its children"
    by: JsonObject = {"kind": "run", "id": parent.id, "name": parent.title}
    verb_end(tx, engine, run, "cancelled", by)
