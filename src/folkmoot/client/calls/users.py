"""Calls of users. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.accounts import User, UserPage
from folkmoot.client.wire import Call


def list_users(*, skip: int | None = None, limit: int | None = None) -> Call[UserPage]:
    """All of the installation, newest first; for its admins."""
    return Call("GET", "/api/users", wire.one(UserPage), query={"skip": skip, "limit": limit})


def create_user(email: str, password: str, *, full_name: str | None = None, is_admin: bool | None = None) -> Call[User]:
    """The first one is an admin, owns every workspace there is and ends local mode; each later one gets his own."""
    return Call(
        "POST",
        "/api/users",
        wire.one(User),
        body={"email": email, "password": password, "full_name": full_name, "is_admin": is_admin},
    )


def get_me() -> Call[User]:
    return Call("GET", "/api/users/me", wire.one(User))


def change_me(*, full_name: str | None = None) -> Call[User]:
    """What is not given stays."""
    return Call("PATCH", "/api/users/me", wire.one(User), body={"full_name": full_name})


def change_password(current_password: str, new_password: str) -> Call[None]:
    """Ends all other sessions of the caller; this one goes on."""
    return Call(
        "POST",
        "/api/users/me/password",
        wire.nothing,
        body={"current_password": current_password, "new_password": new_password},
    )


def logout_everywhere() -> Call[None]:
    """Ends all sessions of the caller, this one too. API keys stay."""
    return Call("POST", "/api/users/me/logout-everywhere", wire.nothing)


def get_user(user_id: str) -> Call[User]:
    return Call("GET", wire.path("/api/users/{user_id}", user_id=user_id), wire.one(User))


def change_user(
    user_id: str,
    *,
    full_name: str | None = None,
    is_active: bool | None = None,
    is_admin: bool | None = None,
    password: str | None = None,
) -> Call[User]:
    """What is not given stays. Who is no longer active loses sessions and keys; a new password ends the sessions."""
    return Call(
        "PATCH",
        wire.path("/api/users/{user_id}", user_id=user_id),
        wire.one(User),
        body={"full_name": full_name, "is_active": is_active, "is_admin": is_admin, "password": password},
    )


def delete_user(user_id: str) -> Call[None]:
    """With memberships, sessions and keys; what the user wrote stays."""
    return Call("DELETE", wire.path("/api/users/{user_id}", user_id=user_id), wire.nothing)
