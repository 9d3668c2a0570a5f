"""Calls of login. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.accounts import User
from folkmoot.client.wire import Call


def register(email: str, password: str, *, full_name: str | None = None, invitation: str | None = None) -> Call[User]:
    """In local mode the first user, who becomes its admin and ends it; from then on with an invitation only."""
    return Call(
        "POST",
        "/api/register",
        wire.one(User),
        body={"email": email, "password": password, "full_name": full_name, "invitation": invitation},
    )
