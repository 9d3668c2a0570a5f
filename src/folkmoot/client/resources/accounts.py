"""What operations of accounts answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource


class ApiKey(Resource):
    """`prefix` is how the key begins, enough to tell one from another."""

    id: str
    name: str
    prefix: str
    scopes: list[str]
    workspace_id: str | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


class ApiKeyPage(Resource):
    total: int
    skip: int
    limit: int
    api_keys: list[ApiKey]


class User(Resource):
    id: str
    email: str
    full_name: str | None
    is_admin: bool
    is_active: bool
    created_at: datetime


class Login(Resource):
    """The refresh token is in the cookie alone; `user` is null for the operator, who has the admin token."""

    access_token: str
    token_type: str | None = None
    expires_in: int | None = None
    user: User | None


class MadeApiKey(Resource):
    """`key` is shown this once and kept nowhere."""

    id: str
    name: str
    prefix: str
    scopes: list[str]
    workspace_id: str | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime
    key: str


class Ticket(Resource):
    """Opens one socket, as `?ticket=`."""

    ticket: str
    expires_in: int


class UserPage(Resource):
    total: int
    skip: int
    limit: int
    users: list[User]
