"""Workspaces and their projects over HTTP. The path names the workspace; the selectors of other calls do not count."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from folkmoot.accounts.deps import Known
from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.http.text import Line
from folkmoot.workspaces import queries, removal, service
from folkmoot.workspaces.deps import Above, Founder, KeyIsNarrow, Lookup, There, ThereAsAdmin, ThereAsOwner
from folkmoot.workspaces.lookup import RoleTooLow
from folkmoot.workspaces.queries import NoSuchProject, NoSuchWorkspace
from folkmoot.workspaces.removal import HasLiveRuns, LastProject, NotConfirmed
from folkmoot.workspaces.schemas import (
    NewTenant,
    ProjectPage,
    ProjectView,
    TenantChange,
    WorkspacePage,
    WorkspaceView,
)
from folkmoot.workspaces.service import DefaultStays, SlugTaken, project_view, workspace_view

ProjectId = Annotated[str, Path(max_length=255, description="The project's id")]
Confirm = Annotated[Line | None, Query(description="The name of what is to be deleted, with all that is in it")]

router = APIRouter(prefix="/api/workspaces", tags=["workspaces"])


@router.get("")
async def list_workspaces(db: Db, caller: Known, paging: Paging) -> WorkspacePage:
    """The caller's, newest first."""
    rows, total = await db.read_long(queries.list_workspaces, caller, paging.skip, paging.limit)
    found = [workspace_view(row) for row in rows]
    return WorkspacePage(workspaces=found, total=total, skip=paging.skip, limit=paging.limit)


@router.post("", status_code=201, responses=problems(SlugTaken, KeyIsNarrow))
async def create_workspace(db: Db, above: Above, caller: Founder, new: NewTenant, response: Response) -> WorkspaceView:
    """With a project `default` in it; who makes it owns it."""
    made = await db.write(service.create_workspace, above, caller.actor, new)
    response.headers["Location"] = f"/api/workspaces/{made.id}"
    return workspace_view(made)


@router.get("/{workspace_id}", responses=problems(NoSuchWorkspace, RoleTooLow))
async def get_workspace(db: Db, there: There) -> WorkspaceView:
    return workspace_view(await db.read(queries.get_workspace, there.scope))


@router.patch("/{workspace_id}", responses=problems(NoSuchWorkspace, RoleTooLow, SlugTaken, DefaultStays))
async def change_workspace(db: Db, there: ThereAsAdmin, lookup: Lookup, change: TenantChange) -> WorkspaceView:
    """What is not given stays."""
    changed = await db.write(service.change_workspace, there.scope, change)
    lookup.forget()
    return workspace_view(changed)


@router.delete(
    "/{workspace_id}",
    status_code=204,
    responses=problems(NoSuchWorkspace, RoleTooLow, DefaultStays, NotConfirmed, HasLiveRuns),
)
async def delete_workspace(db: Db, above: Above, there: ThereAsOwner, lookup: Lookup, confirm: Confirm = None) -> None:
    """With all that is in it; without its name in `confirm` only says what that is."""
    await removal.delete_workspace(db, above, lookup, there.scope, confirm)


@router.get("/{workspace_id}/projects", responses=problems(NoSuchWorkspace, RoleTooLow))
async def list_projects(db: Db, there: There, paging: Paging) -> ProjectPage:
    """Newest first."""
    rows, total = await db.read_long(queries.list_projects, there.scope, paging.skip, paging.limit)
    found = [project_view(row) for row in rows]
    return ProjectPage(projects=found, total=total, skip=paging.skip, limit=paging.limit)


@router.post("/{workspace_id}/projects", status_code=201, responses=problems(NoSuchWorkspace, RoleTooLow, SlugTaken))
async def create_project(db: Db, there: There, new: NewTenant, response: Response) -> ProjectView:
    """What is made without naming a project goes into the one with the slug `default`, else into the oldest."""
    made = await db.write(service.create_project, there.scope, new)
    response.headers["Location"] = f"/api/workspaces/{made.workspace_id}/projects/{made.id}"
    return project_view(made)


@router.get("/{workspace_id}/projects/{project_id}", responses=problems(NoSuchWorkspace, RoleTooLow, NoSuchProject))
async def get_project(db: Db, there: There, project_id: ProjectId) -> ProjectView:
    return project_view(await db.read(queries.get_project, there.scope, project_id))


@router.patch(
    "/{workspace_id}/projects/{project_id}", responses=problems(NoSuchWorkspace, RoleTooLow, NoSuchProject, SlugTaken)
)
async def change_project(
    db: Db,
    there: There,
    lookup: Lookup,
    project_id: ProjectId,
    change: TenantChange,
) -> ProjectView:
    """What is not given stays."""
    changed = await db.write(service.change_project, there.scope, project_id, change)
    lookup.forget()
    return project_view(changed)


@router.delete(
    "/{workspace_id}/projects/{project_id}",
    status_code=204,
    responses=problems(NoSuchWorkspace, RoleTooLow, NoSuchProject, LastProject, NotConfirmed, HasLiveRuns),
)
async def delete_project(
    db: Db,
    above: Above,
    there: ThereAsAdmin,
    lookup: Lookup,
    project_id: ProjectId,
    confirm: Confirm = None,
) -> None:
    """With all that is in it; without its name in `confirm` only says what that is."""
    await removal.delete_project(db, above, lookup, there.scope, project_id, confirm)
