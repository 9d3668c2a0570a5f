"""What operations of workspaces answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class Invitation(Resource):
    id: str
    workspace_id: str
    email: str | None
    role: str
    expires_at: datetime
    created_at: datetime


class InvitationPage(Resource):
    total: int
    skip: int
    limit: int
    invitations: list[Invitation]


class Joined(Resource):
    """Where the caller is a member now."""

    workspace_id: str
    role: str


class MadeInvitation(Resource):
    """With the token, which is shown this once."""

    id: str
    workspace_id: str
    email: str | None
    role: str
    expires_at: datetime
    created_at: datetime
    token: str


class Member(Resource):
    user_id: str
    email: str
    name: str | None
    role: str
    created_at: datetime


class MemberPage(Resource):
    total: int
    skip: int
    limit: int
    members: list[Member]


class Project(Resource):
    id: str
    workspace_id: str
    slug: str
    name: str
    metadata: JsonObject
    created_at: datetime
    updated_at: datetime


class ProjectPage(Resource):
    total: int
    skip: int
    limit: int
    projects: list[Project]


class Workspace(Resource):
    id: str
    slug: str
    name: str
    metadata: JsonObject
    created_at: datetime
    updated_at: datetime


class WorkspacePage(Resource):
    total: int
    skip: int
    limit: int
    workspaces: list[Workspace]
