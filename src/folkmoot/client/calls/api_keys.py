"""Calls of api_keys. Written by `make docs`."""

from collections.abc import Sequence
from datetime import datetime

from folkmoot.client import wire
from folkmoot.client.resources.accounts import ApiKeyPage, MadeApiKey
from folkmoot.client.wire import Call


def list_api_keys(*, skip: int | None = None, limit: int | None = None) -> Call[ApiKeyPage]:
    """The caller's own, newest first, those that are revoked or have expired too."""
    return Call("GET", "/api/api-keys", wire.one(ApiKeyPage), query={"skip": skip, "limit": limit})


def create_api_key(
    name: str, scopes: Sequence[str], *, workspace_id: str | None = None, expires_at: datetime | None = None
) -> Call[MadeApiKey]:
    """`key` is shown this once. It can do what its scopes leave of its user's role, in one workspace or in all."""
    return Call(
        "POST",
        "/api/api-keys",
        wire.one(MadeApiKey),
        body={"name": name, "scopes": scopes, "workspace_id": workspace_id, "expires_at": expires_at},
    )


def revoke_api_key(key_id: str) -> Call[None]:
    """For good, within a second; it stays in the list."""
    return Call("DELETE", wire.path("/api/api-keys/{key_id}", key_id=key_id), wire.nothing)
