"""Making and changing workspaces and projects: the rows, and what every room above wants made along with them."""

from typing import Literal

import sqlalchemy as sa

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.events.log import make_head
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import LOCAL_OWNER_ID, Actor, Role, Scope
from folkmoot.kernel.slugs import free_slug, slug_from
from folkmoot.workspaces.above import RoomsAbove
from folkmoot.workspaces.members import add_member
from folkmoot.workspaces.queries import (
    find_project_of_slug,
    get_project,
    get_workspace,
    hold_slugs,
    hold_workspace,
    project_slugs,
    slugs_like,
)
from folkmoot.workspaces.rules import DEFAULT, TenantStatus
from folkmoot.workspaces.schemas import NewTenant, ProjectView, TenantChange, WorkspaceView
from folkmoot.workspaces.tables import Project, Workspace

_COLUMNS = {Workspace: Workspace.__table__.columns, Project: Project.__table__.columns}
_INSERT_WORKSPACE = sa.insert(Workspace).returning(*_COLUMNS[Workspace])
_INSERT_PROJECT = sa.insert(Project).returning(*_COLUMNS[Project])
_HOLD_ALL = sa.text("lock table workspaces in exclusive mode")
_CHANGED = ("name", "slug", "meta_data", "updated_at")
_CHANGE_WORKSPACE = (
    sa.update(Workspace)
    .where(Workspace.id == sa.bindparam("this"))
    .values({name: sa.bindparam(f"new_{name}", type_=_COLUMNS[Workspace][name].type) for name in _CHANGED})
    .returning(*_COLUMNS[Workspace])
)
_CHANGE_PROJECT = (
    sa.update(Project)
    .where(Project.id == sa.bindparam("this"))
    .values({name: sa.bindparam(f"new_{name}", type_=_COLUMNS[Project][name].type) for name in _CHANGED})
    .returning(*_COLUMNS[Project])
)


class SlugTaken(Conflict):
    """The slug is taken"""


class DefaultStays(Conflict):
    """The workspace `default` keeps its slug and cannot be deleted: it is where calls without a selector go"""


def ensure_default(tx: Tx, above: RoomsAbove) -> Project:
    """The default project of the workspace `default`, made with it where there is none yet."""
    existing = find_project_of_slug(tx, DEFAULT)
    if existing is None and tx.dialect == "postgresql":  # several processes may start on an empty database at once
        tx.write(_HOLD_ALL)
        existing = find_project_of_slug(tx, DEFAULT)
    return existing or _make_workspace(tx, above, NewTenant(name=DEFAULT), DEFAULT)[1]


def create_workspace(tx: Tx, above: RoomsAbove, actor: Actor, new: NewTenant) -> Workspace:
    """With a project `default`; the user who makes it is its owner. Raises SlugTaken."""
    hold_slugs(tx)
    wanted = new.slug or slug_from(new.name, "workspace")
    slug = _free(wanted, slugs_like(tx, wanted[:32]), is_given=new.slug is not None)
    workspace, project = _make_workspace(tx, above, new, slug)
    _emit(tx, workspace.id, "workspace", workspace_view(workspace), "created")
    _emit(tx, workspace.id, "project", project_view(project), "created")
    if actor.id != LOCAL_OWNER_ID:
        add_member(tx, workspace.id, actor.id, Role.OWNER)
    record(tx, actor, "create_workspace", ("workspace", workspace.id), workspace.id)
    return workspace


def change_workspace(tx: Tx, scope: Scope, change: TenantChange) -> Workspace:
    """Raises NoSuchWorkspace, SlugTaken, DefaultStays."""
    workspace = get_workspace(tx, scope)
    if change.slug not in (None, workspace.slug):
        if workspace.slug == DEFAULT:
            raise DefaultStays
        hold_slugs(tx)
        _free(change.slug, slugs_like(tx, change.slug), is_given=True)
    changed = tx.write_returning(Workspace, _CHANGE_WORKSPACE, this=workspace.id, **_changes(workspace, change))
    assert changed is not None
    _emit(tx, scope.workspace_id, "workspace", workspace_view(changed), "updated")
    _record(tx, scope, "change_workspace", changed)
    return changed


def create_project(tx: Tx, scope: Scope, new: NewTenant) -> Project:
    """Raises SlugTaken."""
    hold_workspace(tx, scope)
    wanted = new.slug or slug_from(new.name, "project")
    slug = _free(wanted, project_slugs(tx, scope), is_given=new.slug is not None)
    project = _make_project(tx, scope.workspace_id, new, slug)
    _emit(tx, scope.workspace_id, "project", project_view(project), "created")
    _record(tx, scope, "create_project", project)
    return project


def change_project(tx: Tx, scope: Scope, project_id: str, change: TenantChange) -> Project:
    """Raises NoSuchProject, SlugTaken."""
    project = get_project(tx, scope, project_id)
    if change.slug not in (None, project.slug):
        hold_workspace(tx, scope)
        _free(change.slug, project_slugs(tx, scope), is_given=True)
    changed = tx.write_returning(Project, _CHANGE_PROJECT, this=project.id, **_changes(project, change))
    assert changed is not None
    _emit(tx, scope.workspace_id, "project", project_view(changed), "updated")
    _record(tx, scope, "change_project", changed)
    return changed


def workspace_view(workspace: Workspace) -> WorkspaceView:
    names = WorkspaceView.model_fields.keys() - {"metadata"}
    return WorkspaceView(metadata=workspace.meta_data, **{name: getattr(workspace, name) for name in names})


def project_view(project: Project) -> ProjectView:
    names = ProjectView.model_fields.keys() - {"metadata"}
    return ProjectView(metadata=project.meta_data, **{name: getattr(project, name) for name in names})


def _make_workspace(tx: Tx, above: RoomsAbove, new: NewTenant, slug: str) -> tuple[Workspace, Project]:
    row = {**_row(new, slug), "settings": {}}
    workspace = tx.write_returning(Workspace, _INSERT_WORKSPACE, **row)
    assert workspace is not None
    project = _make_project(tx, workspace.id, NewTenant(name=DEFAULT), DEFAULT)
    make_head(tx, workspace.id)
    for hook in above.on_created:
        hook(tx, workspace.id)
    return workspace, project


def _make_project(tx: Tx, workspace_id: str, new: NewTenant, slug: str) -> Project:
    project = tx.write_returning(Project, _INSERT_PROJECT, **_row(new, slug), workspace_id=workspace_id)
    assert project is not None
    return project


def _row(new: NewTenant, slug: str) -> dict[str, object]:
    at = now()
    named = {"name": new.name, "slug": slug, "status": TenantStatus.ACTIVE, "meta_data": new.metadata}
    return {"id": new_id(), **named, "created_at": at, "updated_at": at}


def _changes(known: Workspace | Project, change: TenantChange) -> dict[str, object]:
    return {
        "new_name": change.name or known.name,
        "new_slug": change.slug or known.slug,
        "new_meta_data": known.meta_data if change.metadata is None else change.metadata,
        "new_updated_at": now(),
    }


def _free(wanted: str | None, taken: set[str], *, is_given: bool) -> str:
    """The slug itself where it was asked for, else one derived from it. Raises SlugTaken."""
    assert wanted is not None
    if is_given and wanted in taken:
        raise SlugTaken
    return free_slug(wanted, taken)


def _record(tx: Tx, scope: Scope, verb: str, about: Workspace | Project) -> None:
    kind = verb.rpartition("_")[2]
    record(tx, scope.actor, verb, (kind, about.id), scope.workspace_id)


def _emit(
    tx: Tx, workspace_id: str, resource: str, view: WorkspaceView | ProjectView, change: Literal["created", "updated"]
) -> None:
    shown: JsonObject = view.model_dump(mode="json")
    tx.emit(workspace_id, ResourceChanged(resource=resource, id=view.id, change=change, view=shown))
