"""Every SELECT on workspaces and projects, and on what is in them."""

import sqlalchemy as sa

from folkmoot.db.base import Table
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound
from folkmoot.kernel.scope import Scope
from folkmoot.workspaces.rules import DEFAULT, TenantStatus
from folkmoot.workspaces.tables import Project, Workspace

_WORKSPACES = sa.select(*Workspace.__table__.columns).where(Workspace.status == TenantStatus.ACTIVE)
_WORKSPACE = _WORKSPACES.where(Workspace.id == sa.bindparam("workspace_id"))
_PROJECTS = sa.select(*Project.__table__.columns).where(
    Project.status == TenantStatus.ACTIVE, Project.workspace_id == sa.bindparam("workspace_id")
)
_PROJECT = _PROJECTS.where(Project.id == sa.bindparam("project_id"))

_DEFAULT_PROJECT = (
    sa.select(*Project.__table__.columns)
    .join(Workspace, Workspace.id == Project.workspace_id)
    .where(Workspace.status == TenantStatus.ACTIVE, Project.status == TenantStatus.ACTIVE)
    .order_by(sa.case((Project.slug == DEFAULT, 0), else_=1), Project.id)
    .limit(1)
)
_PROJECT_BY_ID = _DEFAULT_PROJECT.where(Workspace.id == sa.bindparam("selector"))
_PROJECT_BY_SLUG = _DEFAULT_PROJECT.where(Workspace.slug == sa.bindparam("selector"))

# Whoever holds the row of the workspace `default` may look for a free slug and take it.
_HOLD_SLUGS = sa.select(Workspace.id).where(Workspace.slug == DEFAULT).with_for_update()
_HOLD = sa.select(Workspace.id).where(Workspace.id == sa.bindparam("workspace_id")).with_for_update()
_SLUGS = sa.select(Workspace.slug)
_PROJECT_SLUGS = sa.select(Project.slug).where(Project.workspace_id == sa.bindparam("workspace_id"))

_GOING_WORKSPACES = sa.select(Workspace.id).where(Workspace.status == TenantStatus.DELETING)
_GOING_PROJECTS = sa.select(Project.id, Project.workspace_id).where(Project.status == TenantStatus.DELETING)


class NoSuchWorkspace(NotFound):
    """Workspace not found"""


class NoSuchProject(NotFound):
    """Project not found"""


def find_project_of_id(tx: Tx, workspace_id: str) -> Project | None:
    """The project `default` of the workspace with this id, else its oldest."""
    return tx.first(Project, _PROJECT_BY_ID, selector=workspace_id)


def find_project_of_slug(tx: Tx, slug: str) -> Project | None:
    """The project `default` of the workspace with this slug, else its oldest."""
    return tx.first(Project, _PROJECT_BY_SLUG, selector=slug)


def get_workspace(tx: Tx, scope: Scope) -> Workspace:
    """Raises NoSuchWorkspace."""
    found = tx.first(Workspace, _WORKSPACE, workspace_id=scope.workspace_id)
    if found is None:
        raise NoSuchWorkspace
    return found


def get_project(tx: Tx, scope: Scope, project_id: str) -> Project:
    """Raises NoSuchProject, for another workspace's project too."""
    found = tx.first(Project, _PROJECT, workspace_id=scope.workspace_id, project_id=project_id.lower())
    if found is None:
        raise NoSuchProject
    return found


def list_workspaces(tx: Tx, skip: int, limit: int) -> tuple[list[Workspace], int]:
    """Newest first, with the total."""
    total: int = tx.scalar(sa.select(sa.func.count()).select_from(_WORKSPACES.subquery()))
    return tx.all(Workspace, _WORKSPACES.order_by(Workspace.id.desc()).offset(skip).limit(limit)), total


def list_projects(tx: Tx, scope: Scope, skip: int, limit: int) -> tuple[list[Project], int]:
    """Newest first, with the total."""
    total = count_projects(tx, scope)
    found = _PROJECTS.order_by(Project.id.desc()).offset(skip).limit(limit)
    return tx.all(Project, found, workspace_id=scope.workspace_id), total


def count_projects(tx: Tx, scope: Scope) -> int:
    count: int = tx.scalar(
        sa.select(sa.func.count()).select_from(_PROJECTS.subquery()), workspace_id=scope.workspace_id
    )
    return count


def hold_slugs(tx: Tx) -> None:
    """Until the unit ends nobody else gives a workspace its slug."""
    tx.scalar(_HOLD_SLUGS)


def hold_workspace(tx: Tx, scope: Scope) -> None:
    """Until the unit ends nobody else changes what the workspace's projects are and are called."""
    tx.scalar(_HOLD, workspace_id=scope.workspace_id)


def slugs_like(tx: Tx, slug: str) -> set[str]:
    """Slugs of workspaces that begin like this one."""
    return {row.slug for row in tx.all(Workspace, _SLUGS.where(Workspace.slug.startswith(slug, autoescape=True)))}


def project_slugs(tx: Tx, scope: Scope) -> set[str]:
    return {row.slug for row in tx.all(Project, _PROJECT_SLUGS, workspace_id=scope.workspace_id)}


def tables_of(column: str) -> list[sa.Table]:
    """Every table whose rows name the workspace (or the project) they are in; those referred to come last."""
    return [table for table in reversed(Table.metadata.sorted_tables) if column in table.columns]


def within(table: sa.Table, workspace_id: str, project_id: str | None) -> sa.ColumnElement[bool]:
    """The rows of a table that are in the workspace, or in one project of it."""
    here = table.columns["workspace_id"] == workspace_id
    return here if project_id is None else sa.and_(here, table.columns["project_id"] == project_id)


def contents(tx: Tx, scope: Scope, project_id: str | None) -> dict[str, int]:
    """How many rows of which table a workspace holds, or one project of it. What is in these is not counted."""
    tables = tables_of("project_id")
    if project_id is None:
        tables.append(Table.metadata.tables[Project.__tablename__])
    counted = {
        str(table.name): tx.scalar(  # a plain str, which SQLAlchemy's names are not
            sa.select(sa.func.count()).select_from(table).where(within(table, scope.workspace_id, project_id))
        )
        for table in tables
    }
    return {name: count for name, count in sorted(counted.items()) if count}


def list_going(tx: Tx) -> list[tuple[str, str | None]]:
    """Workspaces, and projects of workspaces, whose deletion has begun."""
    workspaces = [(row.id, None) for row in tx.all(Workspace, _GOING_WORKSPACES)]
    return [*workspaces, *((row.workspace_id, row.id) for row in tx.all(Project, _GOING_PROJECTS))]
