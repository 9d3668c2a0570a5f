"""A workspace's secrets over HTTP: set, listed by name, deleted; never shown."""

from fastapi import APIRouter

from folkmoot.accounts.deps import Administrator
from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.providers import queries
from folkmoot.providers.deps import SecretName, Secrets
from folkmoot.providers.queries import NoSuchSecret
from folkmoot.providers.schemas import NewSecret, Rotated, SecretPage, SecretView
from folkmoot.providers.service import SecretNotUsable, TooManySecrets, secret_view
from folkmoot.workspaces.deps import ThereAsAdmin
from folkmoot.workspaces.queries import NoSuchWorkspace

router = APIRouter(tags=["secrets"])
_HERE = "/api/workspaces/{workspace_id}/secrets"


@router.get(_HERE, responses=problems(NoSuchWorkspace))
async def list_secrets(db: Db, vault: Secrets, there: ThereAsAdmin, paging: Paging) -> SecretPage:
    """By name; which there are, never what they are."""
    rows, total = await db.read_long(queries.list_secrets, there.scope, paging.skip, paging.limit)
    found = [secret_view(row, vault.cipher) for row in rows]
    return SecretPage(secrets=found, total=total, skip=paging.skip, limit=paging.limit)


@router.put(_HERE + "/{name}", responses=problems(NoSuchWorkspace, TooManySecrets, SecretNotUsable))
async def set_secret(vault: Secrets, there: ThereAsAdmin, name: SecretName, new: NewSecret) -> SecretView:
    """Make or replace it. `openai_api_key` and `google_api_key` are used by this workspace's runs instead of the
    server's own; any other name is for what takes a secret by its name."""
    return await vault.set(there.scope, name, new.value.get_secret_value())


@router.delete(_HERE + "/{name}", status_code=204, responses=problems(NoSuchWorkspace, NoSuchSecret))
async def delete_secret(vault: Secrets, there: ThereAsAdmin, name: SecretName) -> None:
    """Runs use the server's own key again, where it has one."""
    await vault.delete(there.scope, name)


@router.post("/api/secrets/rotate")
async def rotate_secrets(vault: Secrets, caller: Administrator) -> Rotated:
    """Encrypt the secrets of all workspaces with the current SECRET_KEY; the older ones are PREVIOUS_SECRET_KEYS."""
    return await vault.rotate(caller.actor)
