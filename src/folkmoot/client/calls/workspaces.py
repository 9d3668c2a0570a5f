"""Calls of workspaces. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.workspaces import Project, ProjectPage, Workspace, WorkspacePage
from folkmoot.client.wire import Call
from folkmoot.kernel.json import JsonObject


def list_workspaces(*, skip: int | None = None, limit: int | None = None) -> Call[WorkspacePage]:
    """The caller's, newest first."""
    return Call("GET", "/api/workspaces", wire.one(WorkspacePage), query={"skip": skip, "limit": limit})


def create_workspace(name: str, *, slug: str | None = None, metadata: JsonObject | None = None) -> Call[Workspace]:
    """With a project `default` in it; who makes it owns it."""
    return Call("POST", "/api/workspaces", wire.one(Workspace), body={"name": name, "slug": slug, "metadata": metadata})


def get_workspace(workspace_id: str) -> Call[Workspace]:
    return Call("GET", wire.path("/api/workspaces/{workspace_id}", workspace_id=workspace_id), wire.one(Workspace))


def change_workspace(
    workspace_id: str, *, name: str | None = None, slug: str | None = None, metadata: JsonObject | None = None
) -> Call[Workspace]:
    """What is not given stays."""
    return Call(
        "PATCH",
        wire.path("/api/workspaces/{workspace_id}", workspace_id=workspace_id),
        wire.one(Workspace),
        body={"name": name, "slug": slug, "metadata": metadata},
    )


def delete_workspace(workspace_id: str, *, confirm: str | None = None) -> Call[None]:
    """With all that is in it; without its name in `confirm` only says what that is."""
    return Call(
        "DELETE",
        wire.path("/api/workspaces/{workspace_id}", workspace_id=workspace_id),
        wire.nothing,
        query={"confirm": confirm},
    )


def list_projects(workspace_id: str, *, skip: int | None = None, limit: int | None = None) -> Call[ProjectPage]:
    """Newest first."""
    return Call(
        "GET",
        wire.path("/api/workspaces/{workspace_id}/projects", workspace_id=workspace_id),
        wire.one(ProjectPage),
        query={"skip": skip, "limit": limit},
    )


def create_project(
    workspace_id: str, name: str, *, slug: str | None = None, metadata: JsonObject | None = None
) -> Call[Project]:
    """What is made without naming a project goes into the one with the slug `default`, else into the oldest."""
    return Call(
        "POST",
        wire.path("/api/workspaces/{workspace_id}/projects", workspace_id=workspace_id),
        wire.one(Project),
        body={"name": name, "slug": slug, "metadata": metadata},
    )


def get_project(workspace_id: str, project_id: str) -> Call[Project]:
    return Call(
        "GET",
        wire.path(
            "/api/workspaces/{workspace_id}/projects/{project_id}", workspace_id=workspace_id, project_id=project_id
        ),
        wire.one(Project),
    )


def change_project(
    workspace_id: str,
    project_id: str,
    *,
    name: str | None = None,
    slug: str | None = None,
    metadata: JsonObject | None = None,
) -> Call[Project]:
    """What is not given stays."""
    return Call(
        "PATCH",
        wire.path(
            "/api/workspaces/{workspace_id}/projects/{project_id}", workspace_id=workspace_id, project_id=project_id
        ),
        wire.one(Project),
        body={"name": name, "slug": slug, "metadata": metadata},
    )


def delete_project(workspace_id: str, project_id: str, *, confirm: str | None = None) -> Call[None]:
    """With all that is in it; without its name in `confirm` only says what that is."""
    return Call(
        "DELETE",
        wire.path(
            "/api/workspaces/{workspace_id}/projects/{project_id}", workspace_id=workspace_id, project_id=project_id
        ),
        wire.nothing,
        query={"confirm": confirm},
    )
