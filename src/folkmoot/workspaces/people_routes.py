"""Users and API keys over HTTP, as far as workspaces come into it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.requests import HTTPConnection

from folkmoot.accounts.api_keys import ExpiryPassed
from folkmoot.accounts.deps import AccountsState, Administrator, AdminsOnly, Known, MaybeKnown
from folkmoot.accounts.key_schemas import MadeApiKey, NewApiKey
from folkmoot.accounts.user_queries import NoSuchUser
from folkmoot.accounts.user_routes import UserId
from folkmoot.accounts.user_schemas import NewUser, Registration, UserView
from folkmoot.accounts.users import EmailTaken, LastAdmin, NoAccount, SessionNeeded, user_view
from folkmoot.http.deps import Db
from folkmoot.http.problems import problems
from folkmoot.workspaces import people
from folkmoot.workspaces.deps import Above, Lookup
from folkmoot.workspaces.member_queries import NoSuchInvitation
from folkmoot.workspaces.people import FirstNeedsNoInvitation, RegistrationClosed, Visitor
from folkmoot.workspaces.queries import NoSuchWorkspace


async def _visitor(connection: HTTPConnection, caller: MaybeKnown) -> Visitor:
    address = None if connection.client is None else connection.client.host
    return Visitor(address, is_local=caller is not None and caller.credential == "local")


router = APIRouter(prefix="/api")


@router.post("/users", tags=["users"], status_code=201, responses=problems(AdminsOnly, SessionNeeded, EmailTaken))
async def create_user(
    db: Db, above: Above, caller: Administrator, accounts: AccountsState, new: NewUser, response: Response
) -> UserView:
    """The first one is an admin, owns every workspace there is and ends local mode; each later one gets his own."""
    made = await people.create_user(db, above, accounts, caller, new)
    accounts.forget()
    response.headers["Location"] = f"/api/users/{made.id}"
    return user_view(made)


@router.post(
    "/register",
    tags=["login"],
    status_code=201,
    responses=problems(RegistrationClosed, NoSuchInvitation, EmailTaken, FirstNeedsNoInvitation),
)
async def register(
    db: Db, above: Above, accounts: AccountsState, visitor: Annotated[Visitor, Depends(_visitor)], new: Registration
) -> UserView:
    """In local mode the first user, who becomes its admin and ends it; from then on with an invitation only."""
    made = await people.register(db, above, accounts.passwords, visitor, new)
    accounts.forget()
    return user_view(made)


@router.delete(
    "/users/{user_id}", tags=["users"], status_code=204, responses=problems(AdminsOnly, NoSuchUser, LastAdmin)
)
async def delete_user(
    db: Db, above: Above, lookup: Lookup, caller: Administrator, accounts: AccountsState, user_id: UserId
) -> None:
    """With memberships, sessions and keys; what the user wrote stays."""
    await db.write(people.delete_user, above, caller, user_id)
    accounts.forget()
    lookup.forget()


@router.post(
    "/api-keys",
    tags=["API keys"],
    status_code=201,
    responses=problems(NoAccount, SessionNeeded, ExpiryPassed, NoSuchWorkspace),
)
async def create_api_key(db: Db, caller: Known, new: NewApiKey) -> MadeApiKey:
    """`key` is shown this once. It can do what its scopes leave of its user's role, in one workspace or in all."""
    return await db.write(people.create_api_key, caller, new)
