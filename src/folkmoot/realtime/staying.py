"""Until when somebody may follow what he follows: one workspace, several, or all of his as they change."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import replace

from folkmoot.accounts.rules import Caller
from folkmoot.http.race import race
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.realtime.places import View
from folkmoot.workspaces.stay import End, Stays


async def until_out(stays: Stays, supervisor: Supervisor, caller: Caller, scopes: Iterable[Scope]) -> End:
    """Until the caller is logged out, or out of the first of these workspaces."""
    async with AsyncExitStack() as stack:
        watched = [await stack.enter_async_context(stays.stay(caller, scope)) for scope in scopes]
        await race(supervisor, *(stay.ended() for stay in watched))
        return next(stay.end for stay in watched if stay.end is not None)


async def until_nowhere(stays: Stays, caller: Caller, here: Scope, view: View) -> End:
    """Until the caller is logged out, or out of all of his workspaces: one of them is watched for the others."""
    while view.ids:
        async with stays.stay(caller, replace(here, workspace_id=min(view.ids))) as stay:
            await stay.ended()
        if stay.end is End.LOGGED_OUT:
            return End.LOGGED_OUT
    return End.NOT_A_MEMBER
