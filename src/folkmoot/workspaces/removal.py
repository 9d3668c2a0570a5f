"""Deleting workspaces and projects: gone at once for every caller, their rows in small units after that."""

from functools import partial

import sqlalchemy as sa

from folkmoot.audit.service import record
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.json import Json
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.workspaces.above import RoomsAbove
from folkmoot.workspaces.lookup import WorkspaceLookup
from folkmoot.workspaces.queries import (
    contents,
    count_projects,
    get_project,
    get_workspace,
    hold_workspace,
    list_going,
    tables_of,
    within,
)
from folkmoot.workspaces.rules import DEFAULT, TenantStatus, slug_of_the_gone
from folkmoot.workspaces.service import DefaultStays
from folkmoot.workspaces.tables import Project, Workspace

_FEW, _MANY = 50, 1000
"""Rows of one unit: where each may have some hundred rows of its own that go with it, and where none has any."""

_DOOMED = {
    "status": sa.bindparam("new_status"),
    "slug": sa.bindparam("new_slug"),
    "updated_at": sa.bindparam("at", type_=Workspace.__table__.columns["updated_at"].type),
}
_DOOM_WORKSPACE = sa.update(Workspace).where(Workspace.id == sa.bindparam("this")).values(_DOOMED)
_DOOM_PROJECT = sa.update(Project).where(Project.id == sa.bindparam("this")).values(_DOOMED)


class NotConfirmed(Conflict):
    """Deleting this deletes what is in it"""


class HasLiveRuns(Conflict):
    """There are runs in it that have not ended"""

    hint = "Wait for their end, or cancel them first"


class LastProject(Conflict):
    """A workspace keeps at least one project"""


async def delete_workspace(
    db: Database, above: RoomsAbove, lookup: WorkspaceLookup, scope: Scope, confirm: str | None
) -> None:
    """Returns when all of it is gone. `confirm` is its name.

    Raises NoSuchWorkspace, DefaultStays, NotConfirmed, HasLiveRuns.
    """
    await db.read_long(_check_workspace, scope, confirm)
    await db.write(_doom_workspace, above, scope)
    lookup.forget()
    await _remove(db, scope.workspace_id, None)


async def delete_project(
    db: Database, above: RoomsAbove, lookup: WorkspaceLookup, scope: Scope, project_id: str, confirm: str | None
) -> None:
    """Returns when all of it is gone. `confirm` is its name.

    Raises NoSuchProject, LastProject, NotConfirmed, HasLiveRuns.
    """
    project = await db.read_long(_check_project, scope, project_id, confirm)
    await db.write(_doom_project, above, scope, project.id)
    lookup.forget()
    await _remove(db, scope.workspace_id, project.id)


async def finish_removals(db: Database) -> None:
    """Go on with deletions that a crash has interrupted."""
    for workspace_id, project_id in await db.read(list_going):
        await _remove(db, workspace_id, project_id)


def _check_workspace(tx: Tx, scope: Scope, confirm: str | None) -> None:
    workspace = get_workspace(tx, scope)
    if workspace.slug == DEFAULT:
        raise DefaultStays
    if confirm != workspace.name:
        raise _not_confirmed(workspace.name, contents(tx, scope, None))


def _check_project(tx: Tx, scope: Scope, project_id: str, confirm: str | None) -> Project:
    project = get_project(tx, scope, project_id)
    if count_projects(tx, scope) == 1:
        raise LastProject
    if confirm != project.name:
        raise _not_confirmed(project.name, contents(tx, scope, project.id))
    return project


def _not_confirmed(name: str, would_delete: dict[str, int]) -> NotConfirmed:
    told: dict[str, Json] = {**would_delete}
    return NotConfirmed(name=name, would_delete=told, hint="Send ?confirm= with its name to delete all of this")


def _doom_workspace(tx: Tx, above: RoomsAbove, scope: Scope) -> None:
    hold_workspace(tx, scope)
    workspace = get_workspace(tx, scope)
    _check_idle(tx, above, scope, None)
    tx.write(_DOOM_WORKSPACE, _doomed(workspace.id))
    deleted = ResourceChanged(resource="workspace", id=workspace.id, change="deleted", view=None)
    tx.emit(scope.workspace_id, deleted)
    # in the installation's log, since nobody can look into the workspace's own any more
    record(tx, scope.actor, "delete_workspace", ("workspace", workspace.id), slug=workspace.slug)


def _doom_project(tx: Tx, above: RoomsAbove, scope: Scope, project_id: str) -> None:
    hold_workspace(tx, scope)
    project = get_project(tx, scope, project_id)
    if count_projects(tx, scope) == 1:
        raise LastProject
    _check_idle(tx, above, scope, project.id)
    tx.write(_DOOM_PROJECT, _doomed(project.id))
    tx.emit(scope.workspace_id, ResourceChanged(resource="project", id=project.id, change="deleted", view=None))
    record(tx, scope.actor, "delete_project", ("project", project.id), scope.workspace_id)


def _check_idle(tx: Tx, above: RoomsAbove, scope: Scope, project_id: str | None) -> None:
    if live := above.count_live(tx, scope.workspace_id, project_id):
        raise HasLiveRuns(live_runs=live)


def _doomed(id: str) -> dict[str, object]:
    return {"this": id, "new_status": TenantStatus.DELETING, "new_slug": slug_of_the_gone(id), "at": now()}


async def _remove(db: Database, workspace_id: str, project_id: str | None) -> None:
    scope = Scope(workspace_id, project_id or "", SYSTEM)
    for table in tables_of("workspace_id" if project_id is None else "project_id"):
        # one row per workspace (its log's head, its slots) goes with the workspace itself
        if [*table.primary_key.columns.keys()] != ["workspace_id"] and table.name != Project.__tablename__:
            most = _FEW if _is_referred_to(table) else _MANY
            remove = partial(_remove_some, table=table, project_id=project_id, most=most)
            while await db.write(remove, scope):
                continue
    await db.write(_remove_rest, scope, project_id)


def _is_referred_to(table: sa.Table) -> bool:
    return any(key.column.table is table for other in table.metadata.sorted_tables for key in other.foreign_keys)


def _remove_some(tx: Tx, scope: Scope, *, table: sa.Table, project_id: str | None, most: int) -> int:
    """The newest few, because a run refers to its parent."""
    key = sa.tuple_(*table.primary_key.columns)
    here = within(table, scope.workspace_id, project_id)
    newest_first = [column.desc() for column in table.primary_key.columns]
    few = sa.select(*table.primary_key.columns).where(here).order_by(*newest_first).limit(most)
    return tx.write(sa.delete(table).where(key.in_(few)))


def _remove_rest(tx: Tx, scope: Scope, project_id: str | None) -> None:
    """What came in since, and the thing itself."""
    for table in tables_of("workspace_id" if project_id is None else "project_id"):
        tx.write(sa.delete(table).where(within(table, scope.workspace_id, project_id)))
    if project_id is None:
        tx.write(sa.delete(Workspace).where(Workspace.id == scope.workspace_id))
    else:
        tx.write(sa.delete(Project).where(Project.id == project_id))
