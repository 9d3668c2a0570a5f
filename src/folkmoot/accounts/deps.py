"""Who calls, as a route asks for it; the door has found that out before the route was looked for."""

from typing import Annotated, TypedDict

from fastapi import Depends
from starlette.requests import HTTPConnection

from folkmoot.accounts.authentication import Accounts, NotAuthenticated
from folkmoot.accounts.queries import find_user
from folkmoot.accounts.rules import Caller
from folkmoot.http.deps import Db
from folkmoot.kernel.errors import Forbidden


class AdminsOnly(Forbidden):
    """Only administrators of this installation may do that"""


async def find_caller(connection: HTTPConnection) -> Caller | None:
    caller: Caller | None = connection.scope["state"].get("caller")
    return caller


def caller_of(connection: HTTPConnection) -> Caller:
    """Raises NotAuthenticated."""
    caller: Caller | None = connection.scope["state"].get("caller")
    if caller is None:
        raise NotAuthenticated
    return caller


async def known(connection: HTTPConnection) -> Caller:
    """Raises NotAuthenticated."""
    return caller_of(connection)


Known = Annotated[Caller, Depends(known)]
MaybeKnown = Annotated[Caller | None, Depends(find_caller)]


async def administrator(caller: Known) -> Caller:
    """Raises NotAuthenticated, AdminsOnly."""
    if not caller.is_admin:
        raise AdminsOnly
    return caller


async def state_reader(caller: Known) -> Caller:
    """An administrator or the holder of METRICS_TOKEN. Raises NotAuthenticated, AdminsOnly."""
    if not caller.is_admin and caller.credential != "metrics":
        raise AdminsOnly
    return caller


Administrator = Annotated[Caller, Depends(administrator)]
StateReader = Annotated[Caller, Depends(state_reader)]


async def _accounts(connection: HTTPConnection) -> Accounts:
    accounts: Accounts = connection.app.state.accounts
    return accounts


AccountsState = Annotated[Accounts, Depends(_accounts)]


class CurrentUser(TypedDict):
    """Who calls; the local owner and the holder of the admin token have no e-mail address."""

    id: str
    email: str | None
    full_name: str
    is_admin: bool
    is_active: bool


async def get_current_user(db: Db, caller: Known) -> CurrentUser:
    """For routes of other software in the application. Raises NotAuthenticated."""
    user = None if caller.is_everywhere else await db.read(find_user, caller.actor.id)
    email = None if user is None else user.email
    return CurrentUser(
        id=caller.actor.id, email=email, full_name=caller.actor.name, is_admin=caller.is_admin, is_active=True
    )
