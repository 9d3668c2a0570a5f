"""The wire of users: who somebody is, and what may be changed of it."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.accounts.emails import Email
from folkmoot.accounts.passwords import LONGEST, NewPassword
from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, Safe
from folkmoot.kernel.json import JsonObject

_ID = "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217"
_SAID: JsonObject = {"email": "ada@example.org", "full_name": "Ada Lovelace"}
_SHOWN: JsonObject = {"is_admin": True, "is_active": True, "created_at": "2026-11-21T11:43:40.194202Z"}
_SECRET = "nine lives of a cat"  # noqa: S105 an example

GivenPassword = Annotated[Safe, Field(max_length=LONGEST, repr=False)]


class NewUser(BaseModel):
    """The installation's first user is an admin in any case."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{**_SAID, "password": _SECRET}]})

    email: Email
    password: Annotated[NewPassword, Field(repr=False)]
    full_name: Line | None = None
    is_admin: bool = False


class Registration(BaseModel):
    """Somebody makes an account for himself; `invitation` is the token that an invitation was answered with."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{**_SAID, "password": _SECRET}]})

    email: Email
    password: Annotated[NewPassword, Field(repr=False)]
    full_name: Line | None = None
    invitation: Annotated[Line | None, Field(repr=False)] = None


class UserChange(BaseModel):
    """What is not given stays. A password given here logs its user out everywhere."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"is_active": False}]})

    full_name: Line | None = None
    is_active: bool | None = None
    is_admin: bool | None = None
    password: Annotated[NewPassword | None, Field(repr=False)] = None


class OwnChange(BaseModel):
    """What is not given stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"full_name": "Ada King"}]})

    full_name: Line | None = None


class PasswordChange(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"current_password": _SECRET, "new_password": "a cat has ten of them"}]},
    )

    current_password: GivenPassword
    new_password: Annotated[NewPassword, Field(repr=False)]


class UserView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"id": _ID, **_SAID, **_SHOWN}]})

    id: str
    email: str
    full_name: str | None
    is_admin: bool
    is_active: bool
    created_at: datetime


class UserPage(Page):
    users: list[UserView]
