"""API keys over HTTP: the caller's own, to see and to revoke; they are made where memberships are known."""

from typing import Annotated

from fastapi import APIRouter, Path

from folkmoot.accounts import api_keys
from folkmoot.accounts.api_keys import api_key_view
from folkmoot.accounts.deps import AccountsState, Known
from folkmoot.accounts.key_schemas import ApiKeyPage
from folkmoot.accounts.user_queries import NoSuchApiKey
from folkmoot.accounts.users import NoAccount, SessionNeeded
from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems

router = APIRouter(prefix="/api/api-keys", tags=["API keys"])


@router.get("", responses=problems(NoAccount))
async def list_api_keys(db: Db, caller: Known, paging: Paging) -> ApiKeyPage:
    """The caller's own, newest first, those that are revoked or have expired too."""
    rows, total = await db.read_long(api_keys.list_api_keys, caller, paging.skip, paging.limit)
    found = [api_key_view(row) for row in rows]
    return ApiKeyPage(api_keys=found, total=total, skip=paging.skip, limit=paging.limit)


@router.delete("/{key_id}", status_code=204, responses=problems(NoAccount, SessionNeeded, NoSuchApiKey))
async def revoke_api_key(
    db: Db,
    caller: Known,
    accounts: AccountsState,
    key_id: Annotated[str, Path(max_length=255, description="The key's id")],
) -> None:
    """For good, within a second; it stays in the list."""
    await db.write(api_keys.revoke_api_key, caller, key_id)
    accounts.forget()
