"""The wire of members and invitations."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.accounts.emails import Email
from folkmoot.http.schemas import Page
from folkmoot.http.text import Safe
from folkmoot.kernel.json import JsonObject

RoleWord = Literal["viewer", "member", "admin", "owner"]

_DAY_SECONDS = 86_400
_AT = "2026-11-21T11:43:40.194202Z"
_ID = "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217"
_USER: JsonObject = {"user_id": _ID, "email": "ada@example.org", "name": "Ada Lovelace"}
_INVITED: JsonObject = {"email": "ada@example.org", "role": "member"}
_INVITATION: JsonObject = {"id": _ID, "workspace_id": _ID, **_INVITED, "expires_at": _AT, "created_at": _AT}
_TOKEN = "fminvite_8Jm0vQXh2kPzT4yWcN7sLrB1uGdE6aFiO9tRxKjZp5M"  # noqa: S105 an example

Token = Annotated[Safe, Field(min_length=1, max_length=255, repr=False)]


class MemberView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{**_USER, "role": "member", "created_at": _AT}]})

    user_id: str
    email: str
    name: str | None
    role: RoleWord
    created_at: datetime


class MemberPage(Page):
    members: list[MemberView]


class MemberChange(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"role": "member"}]})

    role: RoleWord


class NewInvitation(BaseModel):
    """A place in the workspace for whoever shows the token; with an e-mail address only for that user."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_INVITED]})

    email: Email | None = None
    role: RoleWord = "member"
    expires_in_seconds: Annotated[int, Field(ge=60, le=90 * _DAY_SECONDS)] = 7 * _DAY_SECONDS


class InvitationView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [_INVITATION]})

    id: str
    workspace_id: str
    email: str | None
    role: RoleWord
    expires_at: datetime
    created_at: datetime


class MadeInvitation(InvitationView):
    """With the token, which is shown this once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_INVITATION, "token": _TOKEN}]})

    token: str


class InvitationPage(Page):
    invitations: list[InvitationView]


class Acceptance(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"token": _TOKEN}]})

    token: Token


class Joined(BaseModel):
    """Where the caller is a member now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"workspace_id": _ID, "role": "member"}]})

    workspace_id: str
    role: RoleWord
