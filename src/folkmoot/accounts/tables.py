"""The rows of accounts. Nothing in them lets anybody in who reads them: passwords and tokens are hashes."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Times, Word


class User(Times, Table):
    """A person. `email_key` is the address folded for comparing; `is_admin` manages the installation's users."""

    __tablename__ = "users"

    id: Mapped[Id] = mapped_column(primary_key=True)
    email: Mapped[Name]
    email_key: Mapped[Name] = mapped_column(unique=True)
    full_name: Mapped[Name | None]
    password_hash: Mapped[Name]
    is_admin: Mapped[bool]
    is_active: Mapped[bool]


class UserSession(Times, Table):
    """One refresh token of a login, used once: the next row of its family replaces it.

    A token that comes a second time was stolen, by whoever sent it first or now: the whole family is revoked.
    `user_id` is null for the operator's session, which the admin token opens.
    """

    __tablename__ = "user_sessions"

    id: Mapped[Id] = mapped_column(primary_key=True)
    user_id: Mapped[Id | None] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    family_id: Mapped[Id]
    refresh_hash: Mapped[Word] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (sa.Index(None, "family_id"), sa.Index(None, "user_id"), sa.Index(None, "expires_at"))


class ApiKey(Times, Table):
    """A key of a user for programs: found by `prefix`, proved by `hash`; `workspace_id` narrows it to one workspace."""

    __tablename__ = "api_keys"

    id: Mapped[Id] = mapped_column(primary_key=True)
    user_id: Mapped[Id] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    workspace_id: Mapped[Id | None]
    name: Mapped[Name]
    prefix: Mapped[Word] = mapped_column(unique=True)
    hash: Mapped[Word]
    scopes: Mapped[list[str]]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (sa.Index(None, "user_id"),)


class LoginAttempts(Table):
    """Failed logins of a subject (an account from an address, or an address) in the window that began at `since`."""

    __tablename__ = "login_attempts"

    subject: Mapped[Word] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    count: Mapped[int]


class SocketTicket(Table):
    """Opens one socket for whoever asked for it, once and soon; `caller` is that caller as JSON."""

    __tablename__ = "socket_tickets"

    hash: Mapped[Word] = mapped_column(primary_key=True)
    caller: Mapped[str]
    expires_at: Mapped[datetime]

    __table_args__ = (sa.Index(None, "expires_at"),)
