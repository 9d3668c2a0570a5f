"""The wire of workspaces and projects."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, Metadata, Slug
from folkmoot.kernel.json import JsonObject

_AT = "2026-11-21T11:43:40.194202Z"
_SAID: JsonObject = {"name": "Harbour", "slug": "harbour", "metadata": {"team": "north"}}
_TIMES: JsonObject = {"created_at": _AT, "updated_at": _AT}
_ID = "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217"


class NewTenant(BaseModel):
    """A workspace or a project to be made; without a slug one is derived from the name."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_SAID]})

    name: Line
    slug: Slug | None = None
    metadata: Metadata = {}


class TenantChange(BaseModel):
    """What is not given stays; metadata is replaced whole."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Harbour North"}]})

    name: Line | None = None
    slug: Slug | None = None
    metadata: Metadata | None = None


class WorkspaceView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"id": _ID, **_SAID, **_TIMES}]})

    id: str
    slug: str
    name: str
    metadata: JsonObject
    created_at: datetime
    updated_at: datetime


class ProjectView(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "01a1fdeb-4e2b-7fcb-8194-8f8fed760416", "workspace_id": _ID, **_SAID, **_TIMES}]
        }
    )

    id: str
    workspace_id: str
    slug: str
    name: str
    metadata: JsonObject
    created_at: datetime
    updated_at: datetime


class WorkspacePage(Page):
    workspaces: list[WorkspaceView]


class ProjectPage(Page):
    projects: list[ProjectView]
