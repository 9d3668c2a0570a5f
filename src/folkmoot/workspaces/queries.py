"""Every SELECT on workspaces and projects, on what is in them and on whose they are."""

from typing import NamedTuple

import sqlalchemy as sa

from folkmoot.accounts.rules import Caller
from folkmoot.accounts.tables import ApiKey
from folkmoot.audit.tables import AuditEntry
from folkmoot.db.base import Table
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound, existing
from folkmoot.kernel.scope import Role, Scope
from folkmoot.workspaces.rules import DEFAULT, TenantStatus
from folkmoot.workspaces.tables import Membership, Project, Workspace

_WORKSPACES = sa.select(*Workspace.__table__.columns).where(Workspace.status == TenantStatus.ACTIVE)
_THEIR_WORKSPACES = sa.select(Membership.workspace_id)
_WORKSPACE = _WORKSPACES.where(Workspace.id == sa.bindparam("workspace_id"))
_PROJECTS = sa.select(*Project.__table__.columns).where(
    Project.status == TenantStatus.ACTIVE, Project.workspace_id == sa.bindparam("workspace_id")
)
_PROJECT = _PROJECTS.where(Project.id == sa.bindparam("project_id"))

_DEFAULT_FIRST = (sa.case((Project.slug == DEFAULT, 0), else_=1), Project.id)
_DEFAULT_PROJECT = (
    sa.select(*Project.__table__.columns)
    .join(Workspace, Workspace.id == Project.workspace_id)
    .where(Workspace.status == TenantStatus.ACTIVE, Project.status == TenantStatus.ACTIVE)
    .order_by(*_DEFAULT_FIRST)
    .limit(1)
)
_PROJECT_BY_SLUG = _DEFAULT_PROJECT.where(Workspace.slug == sa.bindparam("selector"))

_SEAT = _DEFAULT_PROJECT.with_only_columns(Project.workspace_id, Project.id.label("project_id"))
_OWNERS_SEAT = _SEAT.add_columns(sa.literal(Role.OWNER.word).label("role"))
_MEMBERS_SEAT = (
    _SEAT.add_columns(Membership.role)
    .join(Membership, Membership.workspace_id == Workspace.id)
    .where(Membership.user_id == sa.bindparam("user_id"))
)
_IS_ID, _IS_SLUG = Workspace.id == sa.bindparam("selector"), Workspace.slug == sa.bindparam("selector")
_OWNERS_SEAT_BY = {"id": _OWNERS_SEAT.where(_IS_ID), "slug": _OWNERS_SEAT.where(_IS_SLUG)}
_MEMBERS_SEAT_BY = {
    "id": _MEMBERS_SEAT.where(_IS_ID),
    "slug": _MEMBERS_SEAT.where(_IS_SLUG),
    "home": _MEMBERS_SEAT.order_by(None).order_by(Membership.id, *_DEFAULT_FIRST),
}

# Whoever holds the row of the workspace `default` may look for a free slug and take it.
_HOLD_SLUGS = sa.select(Workspace.id).where(Workspace.slug == DEFAULT).with_for_update()
_HOLD = sa.select(Workspace.id).where(Workspace.id == sa.bindparam("workspace_id")).with_for_update()
_SLUGS = sa.select(Workspace.slug)
_PROJECT_SLUGS = sa.select(Project.slug).where(Project.workspace_id == sa.bindparam("workspace_id"))

_OUTSIDE = frozenset({AuditEntry.__tablename__, ApiKey.__tablename__})

_GOING_WORKSPACES = sa.select(Workspace.id).where(Workspace.status == TenantStatus.DELETING)
_GOING_PROJECTS = sa.select(Project.id, Project.workspace_id).where(Project.status == TenantStatus.DELETING)


class NoSuchWorkspace(NotFound):
    """Workspace not found"""


class NoSuchProject(NotFound):
    """Project not found"""


class Seat(NamedTuple):
    """Where somebody is, and as what: a Role's word."""

    workspace_id: str
    project_id: str
    role: str


def find_seat(tx: Tx, user_id: str | None, by: str, selector: str) -> Seat | None:
    """A user's place in the workspace with this id or slug, or in his oldest (`home`); without a user the owner's.

    Its project is `default`, else the oldest.
    """
    if user_id is None:
        return tx.first(Seat, _OWNERS_SEAT_BY[by], selector=selector)
    given = {} if by == "home" else {"selector": selector}
    return tx.first(Seat, _MEMBERS_SEAT_BY[by], user_id=user_id, **given)


def find_project_of_slug(tx: Tx, slug: str) -> Project | None:
    """The project `default` of the workspace with this slug, else its oldest."""
    return tx.first(Project, _PROJECT_BY_SLUG, selector=slug)


def get_workspace(tx: Tx, scope: Scope) -> Workspace:
    """Raises NoSuchWorkspace."""
    return existing(tx.first(Workspace, _WORKSPACE, workspace_id=scope.workspace_id), NoSuchWorkspace)


def get_project(tx: Tx, scope: Scope, project_id: str) -> Project:
    """Raises NoSuchProject, for another workspace's project too."""
    return existing(
        tx.first(Project, _PROJECT, workspace_id=scope.workspace_id, project_id=project_id.lower()), NoSuchProject
    )


def list_workspaces(tx: Tx, caller: Caller, skip: int, limit: int) -> tuple[list[Workspace], int]:
    """The caller's, newest first, with the total."""
    found = _WORKSPACES
    if not caller.is_everywhere:
        found = found.where(Workspace.id.in_(_THEIR_WORKSPACES.where(Membership.user_id == caller.actor.id)))
    if caller.workspace_id is not None:
        found = found.where(Workspace.id == caller.workspace_id)
    total: int = tx.scalar(sa.select(sa.func.count()).select_from(found.subquery()))
    return tx.all(Workspace, found.order_by(Workspace.id.desc()).offset(skip).limit(limit)), total


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
    """Every table whose rows name the workspace (or the project) they go with; those referred to come last."""
    inside = [table for table in Table.metadata.sorted_tables if table.name not in _OUTSIDE]
    return [table for table in reversed(inside) if column in table.columns]


def within(table: sa.Table, workspace_id: str, project_id: str | None) -> sa.ColumnElement[bool]:
    """The rows of a table that are in the workspace, or in one project of it."""
    here = table.columns["workspace_id"] == workspace_id
    return here if project_id is None else sa.and_(here, table.columns["project_id"] == project_id)


def contents(tx: Tx, scope: Scope, project_id: str | None) -> dict[str, int]:
    """How many things of which kind a workspace holds, or one project of it. What is in these is not counted."""
    tables = tables_of("project_id") if project_id else [t for t in tables_of("workspace_id") if "id" in t.columns]
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
