"""The wire of logins."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from folkmoot.accounts.tokens import ACCESS_SECONDS
from folkmoot.accounts.user_schemas import UserView
from folkmoot.http.text import Line, Safe
from folkmoot.kernel.json import JsonObject

Secret = Annotated[Safe, Field(min_length=1, max_length=1024)]
"""A secret as somebody sends it: whether it is right is another question."""

_EMAIL, _PASSWORD = "ada@example.org", "nine lives of a cat"


class Login(BaseModel):
    """`username` is the e-mail address too."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"username": _EMAIL, "password": _PASSWORD}]})

    username: Line | None = None
    email: Line | None = None
    password: Annotated[Secret, Field(repr=False)]

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.username is None and self.email is None:
            raise ValueError("username or email is missing")
        return self

    @property
    def name(self) -> str:
        return self.username or self.email or ""


class AdminLogin(BaseModel):
    """`token` is that of the file admin.token in DATA_DIR."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "fmadmin_..."}]})

    token: Annotated[Secret, Field(repr=False)]


class Refresh(BaseModel):
    """For clients that keep no cookies."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh_token": "mF9vB..."}]})

    refresh_token: Annotated[Secret | None, Field(repr=False)] = None


_SHOWN: JsonObject = {
    "access_token": "eyJhbG...",
    "token_type": "bearer",
    "expires_in": ACCESS_SECONDS,
    "user": None,
}


class LoginView(BaseModel):
    """The refresh token is in the cookie alone; `user` is null for the operator, who has the admin token."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN]})

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 a word of OAuth
    expires_in: int = ACCESS_SECONDS
    user: UserView | None


class TicketView(BaseModel):
    """Opens one socket, as `?ticket=`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ticket": "pT3h...", "expires_in": 30}]})

    ticket: str
    expires_in: int
