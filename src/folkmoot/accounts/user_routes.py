"""Users and their own accounts over HTTP; making and deleting users is done where memberships are made."""

from typing import Annotated

from fastapi import APIRouter, Path

from folkmoot.accounts import user_queries, users
from folkmoot.accounts.deps import AccountsState, Administrator, AdminsOnly, Known
from folkmoot.accounts.routes import Peer
from folkmoot.accounts.throttle import TooManyLogins
from folkmoot.accounts.user_queries import NoSuchUser
from folkmoot.accounts.user_schemas import OwnChange, PasswordChange, UserChange, UserPage, UserView
from folkmoot.accounts.users import LastAdmin, NoAccount, SessionNeeded, WrongPassword, user_view
from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems

UserId = Annotated[str, Path(max_length=255, description="The user's id")]

router = APIRouter(prefix="/api/users", tags=["users"])


@router.get("", responses=problems(AdminsOnly))
async def list_users(db: Db, caller: Administrator, paging: Paging) -> UserPage:
    """All of the installation, newest first; for its admins."""
    rows, total = await db.read_long(user_queries.list_users, paging.skip, paging.limit)
    found = [user_view(row) for row in rows]
    return UserPage(users=found, total=total, skip=paging.skip, limit=paging.limit)


@router.get("/me", responses=problems(NoAccount))
async def get_me(db: Db, caller: Known) -> UserView:
    return user_view(await db.read(users.get_own, caller))


@router.patch("/me", responses=problems(NoAccount, SessionNeeded))
async def change_me(db: Db, caller: Known, accounts: AccountsState, change: OwnChange) -> UserView:
    """What is not given stays."""
    changed = await db.write(users.change_me, caller, change)
    accounts.forget()
    return user_view(changed)


@router.post(
    "/me/password", status_code=204, responses=problems(NoAccount, SessionNeeded, WrongPassword, TooManyLogins)
)
async def change_password(db: Db, caller: Known, accounts: AccountsState, change: PasswordChange) -> None:
    """Ends all other sessions of the caller; this one goes on."""
    await users.change_password(db, accounts.passwords, caller, change)
    accounts.forget()


@router.post("/me/logout-everywhere", status_code=204, responses=problems(NoAccount, SessionNeeded))
async def logout_everywhere(db: Db, caller: Known, accounts: AccountsState, browser: Peer) -> None:
    """Ends all sessions of the caller, this one too. API keys stay."""
    await db.write(users.logout_everywhere, caller)
    accounts.forget()
    browser.forget()


@router.get("/{user_id}", responses=problems(AdminsOnly, NoSuchUser))
async def get_user(db: Db, caller: Administrator, user_id: UserId) -> UserView:
    return user_view(await db.read(user_queries.get_user, user_id))


@router.patch("/{user_id}", responses=problems(AdminsOnly, SessionNeeded, NoSuchUser, LastAdmin))
async def change_user(
    db: Db, caller: Administrator, accounts: AccountsState, user_id: UserId, change: UserChange
) -> UserView:
    """What is not given stays. Who is no longer active loses sessions and keys; a new password ends the sessions."""
    changed = await users.change_user(db, accounts.passwords, caller, user_id, change)
    accounts.forget()
    return user_view(changed)
