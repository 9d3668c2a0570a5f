"""Calls of secrets. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.providers import Rotated, Secret, SecretPage
from folkmoot.client.wire import Call


def list_secrets(workspace_id: str, *, skip: int | None = None, limit: int | None = None) -> Call[SecretPage]:
    """By name; which there are, never what they are."""
    return Call(
        "GET",
        wire.path("/api/workspaces/{workspace_id}/secrets", workspace_id=workspace_id),
        wire.one(SecretPage),
        query={"skip": skip, "limit": limit},
    )


def set_secret(workspace_id: str, name: str, value: str) -> Call[Secret]:
    """Make or replace it. `openai_api_key` and `google_api_key` are used by this workspace's runs instead of the
    server's own; any other name is for what takes a secret by its name.
    """
    return Call(
        "PUT",
        wire.path("/api/workspaces/{workspace_id}/secrets/{name}", workspace_id=workspace_id, name=name),
        wire.one(Secret),
        body={"value": value},
    )


def delete_secret(workspace_id: str, name: str) -> Call[None]:
    """Runs use the server's own key again, where it has one."""
    return Call(
        "DELETE",
        wire.path("/api/workspaces/{workspace_id}/secrets/{name}", workspace_id=workspace_id, name=name),
        wire.nothing,
    )


def rotate_secrets() -> Call[Rotated]:
    """Encrypt the secrets of all workspaces with the current SECRET_KEY; the older ones are PREVIOUS_SECRET_KEYS."""
    return Call("POST", "/api/secrets/rotate", wire.one(Rotated))
