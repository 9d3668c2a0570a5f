"""Every SELECT of runs."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, aliased

from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound, existing
from folkmoot.kernel.scope import Scope
from folkmoot.runs.journal import Entry
from folkmoot.runs.rules import FINAL, RESTS_ON, RunStatus
from folkmoot.runs.tables import JournalEntry, Run, RunAgent

RUN_COLUMNS = Run.__table__.columns

_RUN = sa.select(*RUN_COLUMNS).where(Run.id == sa.bindparam("run_id"), Run.workspace_id == sa.bindparam("workspace_id"))
_ROW = sa.select(*RUN_COLUMNS).where(Run.id == sa.bindparam("run_id"))
_JOURNAL = (
    sa.select(JournalEntry.seq, JournalEntry.at, JournalEntry.kind, JournalEntry.key, JournalEntry.data)
    .where(JournalEntry.run_id == sa.bindparam("run_id"), JournalEntry.seq > sa.bindparam("after"))
    .order_by(JournalEntry.seq)
)
_RUNNING = sa.select(*RUN_COLUMNS).where(Run.status == "running")
_OWNERS = sa.select(Run.owner).where(Run.status == "running").distinct()
_STARTABLE = (
    sa.select(Run.id, Run.epoch, Run.kind, Run.workspace_id, Run.priority)
    .where(Run.status == "pending", Run.waiting_for == "start", Run.updated_at <= sa.bindparam("before"))
    .order_by(Run.priority.desc(), Run.created_at)
    .limit(1000)
)
_LIVE = (
    sa.select(sa.func.count())
    .select_from(Run)
    .where(Run.workspace_id == sa.bindparam("workspace_id"), Run.status.in_(sorted(set(RunStatus) - FINAL)))
)
_DUE = sa.select(*RUN_COLUMNS).where(
    Run.status.in_(("pending", "awaiting_approval")),
    Run.waiting_for.in_(sorted(RESTS_ON)),
    Run.wake_at <= sa.bindparam("at"),
)
_IS_LIVE = Run.status.in_(sorted(set(RunStatus) - FINAL))
_CHILDREN = sa.select(*RUN_COLUMNS).where(Run.parent_run_id == sa.bindparam("parent"))
_LIVE_CHILDREN = _CHILDREN.where(_IS_LIVE)
_PARENT = aliased(Run)
_ORPHANS = (
    sa.select(*RUN_COLUMNS)
    .join(_PARENT, _PARENT.id == Run.parent_run_id)
    .where(_IS_LIVE, _PARENT.status.in_(sorted(FINAL)))
)
_OVERDUE = sa.select(*RUN_COLUMNS).where(Run.status == "pending", Run.deadline_at <= sa.bindparam("at"))
_HELD = sa.select(Run.id, Run.epoch, Run.journal_seq).where(Run.status == "running", Run.owner == sa.bindparam("owner"))
_OVER = sa.select(Run.id).where(Run.id.in_(sa.bindparam("run_ids", expanding=True)), Run.status.in_(sorted(FINAL)))
_AGENTS = sa.select(RunAgent.agent_id, RunAgent.role).where(RunAgent.run_id == sa.bindparam("run_id"))


# Of a table above, its name and these columns are all that is known here.
_ROOM_MEMBERS = sa.table("room_members", sa.column("room_id"), sa.column("member_kind"), sa.column("member_id"))
_ROOMS_OF = sa.select(_ROOM_MEMBERS.c.room_id).where(
    _ROOM_MEMBERS.c.member_kind == "user", _ROOM_MEMBERS.c.member_id == sa.bindparam("viewer_id")
)
_SHOWN_ROOMS = _ROOMS_OF.where(_ROOM_MEMBERS.c.room_id.in_(sa.bindparam("room_ids", expanding=True)))


class OfRoom(Protocol):
    """What belongs to a room, or to none."""

    @property
    def room_id(self) -> str | None: ...


class NoSuchRun(NotFound):
    """Run not found"""


def find_run(tx: Tx, scope: Scope, run_id: str) -> Run | None:
    run = tx.first(Run, _RUN, run_id=run_id, workspace_id=scope.workspace_id)
    return run if run is not None and is_shown(tx, scope, run) else None


def is_shown(tx: Tx, scope: Scope, run: OfRoom) -> bool:
    """Whether the caller may know of a run of his workspace: of a room's only who is in the room."""
    if run.room_id is None or scope.actor.kind != "user":
        return True
    return bool(shown_rooms(tx, scope, [run.room_id]))


def shown_rooms(tx: Tx, scope: Scope, room_ids: Collection[str]) -> frozenset[str]:
    """Those of the rooms that the caller is in at this moment."""
    rows = tx.all(Run, _SHOWN_ROOMS, viewer_id=scope.actor.id, room_ids=[*room_ids])
    return frozenset(row.room_id for row in rows if row.room_id is not None)


def of_shown_rooms(scope: Scope) -> sa.ColumnElement[bool]:
    """The same as `is_shown`, for lists."""
    return of_rooms_of(scope.actor.id, Run.room_id) if scope.actor.kind == "user" else sa.true()


def of_rooms_of(person_id: str, room_id: InstrumentedAttribute[str | None]) -> sa.ColumnElement[bool]:
    """Rows that by this column belong to no room, or to one that the person is in."""
    return sa.or_(room_id.is_(None), room_id.in_(_ROOMS_OF.params(viewer_id=person_id)))


def find_run_row(tx: Tx, run_id: str) -> Run | None:
    """For the engine, which works across workspaces."""
    return tx.first(Run, _ROW, run_id=run_id)


def get_run(tx: Tx, scope: Scope, run_id: str) -> Run:
    """Raises NoSuchRun, for another workspace's run too."""
    return existing(find_run(tx, scope, run_id), NoSuchRun)


def journal(tx: Tx, run_id: str, after: int = 0, limit: int | None = None) -> list[Entry]:
    """The run's entries with a `seq` above `after`, in order."""
    statement = _JOURNAL if limit is None else _JOURNAL.limit(limit)
    rows = tx.all(JournalEntry, statement, run_id=run_id, after=after)
    return [Entry(row.seq, row.at, row.kind, row.key, row.data) for row in rows]  # type: ignore[arg-type]


def run_agents(tx: Tx, run_id: str) -> list[RunAgent]:
    """Who takes part in the run: rows with agent_id and role."""
    return tx.all(RunAgent, _AGENTS, run_id=run_id)


def running_runs(tx: Tx, owners: set[str]) -> list[Run]:
    """Runs marked running by one of these owners."""
    return [run for run in tx.all(Run, _RUNNING) if run.owner in owners]


def owners_of_running(tx: Tx) -> set[str]:
    """The hosts that the database believes to be working on runs."""
    return {row.owner for row in tx.all(Run, _OWNERS) if row.owner is not None}


def startable_runs(tx: Tx, before: datetime) -> list[Run]:
    """Since before then: What tells of the admitted runs that nobody works on, at most 1,000, the most urgent first."""
    return tx.all(Run, _STARTABLE, before=before)


def count_live(tx: Tx, workspace_id: str, project_id: str | None) -> int:
    """Runs of a workspace, or of one project of it, that have not ended."""
    found = _LIVE if project_id is None else _LIVE.where(Run.project_id == project_id)
    count: int = tx.scalar(found, workspace_id=workspace_id)
    return count


def due_runs(tx: Tx, at: datetime) -> list[Run]:
    """Runs at rest whose time has come."""
    return tx.all(Run, _DUE, at=at)


def children_of(tx: Tx, run_id: str) -> list[Run]:
    """The runs that a run has started, ended ones too."""
    return tx.all(Run, _CHILDREN, parent=run_id)


def live_children(tx: Tx, run_id: str) -> list[Run]:
    """Those that have not ended."""
    return tx.all(Run, _LIVE_CHILDREN, parent=run_id)


def orphans(tx: Tx) -> list[Run]:
    """Live runs whose parent has ended."""
    return tx.all(Run, _ORPHANS)


def overdue_runs(tx: Tx, at: datetime) -> list[Run]:
    """Waiting runs that are past their deadline."""
    return tx.all(Run, _OVERDUE, at=at)


def held_runs(tx: Tx, owner: str) -> list[Run]:
    """Id, epoch and journal_seq of the runs a process is working on, as the database has it."""
    return tx.all(Run, _HELD, owner=owner)


def ended_of(tx: Tx, run_ids: Collection[str]) -> list[str]:
    """Those of the runs that have ended."""
    return [row.id for row in tx.all(Run, _OVER, run_ids=list(run_ids))]


def list_runs(tx: Tx, scope: Scope, filters: dict[str, str], skip: int, limit: int) -> tuple[list[Run], int]:
    """Newest first, with the total. Filters: kind, status, task_id; replies only where `kind` asks for them."""
    where = [Run.workspace_id == scope.workspace_id, of_shown_rooms(scope)]
    if "kind" not in filters:
        where.append(Run.kind.not_in(("reply", "room_reply")))
    for name, value in filters.items():
        where.append(RUN_COLUMNS[name] == value)
    total = tx.scalar(sa.select(sa.func.count()).select_from(Run).where(*where))
    found = sa.select(*RUN_COLUMNS).where(*where).order_by(Run.created_at.desc(), Run.id.desc())
    return tx.all(Run, found.offset(skip).limit(limit)), total
