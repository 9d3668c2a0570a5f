"""What tests of runs read beside the API: a run's events, its workspace's slots, its approvals."""

import asyncio

import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event
from folkmoot.kernel.scope import Scope
from folkmoot.runs.approval_queries import list_approvals
from folkmoot.runs.approval_schemas import ApprovalStatus, ApprovalView
from folkmoot.runs.queries import get_run
from folkmoot.runs.tables import Run, RunSlots

TERMINAL = {"completion", "failure", "cancelled"}


def _events(tx: Tx, run_id: str) -> list[Event]:
    columns = (Event.seq, Event.run_seq, Event.type, Event.data)
    return tx.all(Event, sa.select(*columns).where(Event.run_id == run_id).order_by(Event.seq))


async def events_of(db: Database, run: Run) -> list[Event]:
    """The run's events, after checking what holds of every ended run's events."""
    events = await db.read(_events, run.id)
    assert [event.run_seq for event in events] == list(range(1, len(events) + 1))
    assert [event.type for event in events if event.type in TERMINAL] == [events[-1].type]
    return events


async def live_slots(db: Database, scope: Scope) -> int:
    slots = sa.select(RunSlots.live).where(RunSlots.workspace_id == scope.workspace_id)
    return int(await db.read(lambda tx: tx.scalar(slots)))


async def reload(db: Database, scope: Scope, run: Run) -> Run:
    return await db.read(get_run, scope, run.id)


async def until(db: Database, scope: Scope, run: Run, status: str, waiting_for: str | None = None) -> Run:
    """The run once it has come to that; at most 10 seconds."""
    async with asyncio.timeout(10):
        while True:
            found = await reload(db, scope, run)
            if found.status == status and waiting_for in (None, found.waiting_for):
                return found
            await asyncio.sleep(0)


async def approvals(db: Database, scope: Scope, status: ApprovalStatus | None = None) -> list[ApprovalView]:
    found, _ = await db.read(list_approvals, scope, status, None, 0, 100)
    return found


async def the_approval(db: Database, scope: Scope, run: Run | None = None) -> ApprovalView:
    """The one that is pending, in the workspace or of the run, once there is one; at most 10 seconds."""
    async with asyncio.timeout(10):
        while True:
            found = [asked for asked in await approvals(db, scope, "pending") if run is None or asked.run_id == run.id]
            if found:
                (pending,) = found
                return pending
            await asyncio.sleep(0)
