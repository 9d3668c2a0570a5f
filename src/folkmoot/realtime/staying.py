"""Until when somebody may follow what he follows: one workspace, several, or all of his as they change."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace

from folkmoot.accounts.rules import Caller
from folkmoot.http.race import race
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.realtime.channels import Followed
from folkmoot.realtime.places import View
from folkmoot.workspaces.stay import End, Stays

Over = Coroutine[object, object, End]
Lost = Callable[[str, End], Awaitable[None]]
"""Called with a room that somebody is out of, and why."""


async def until_out(
    stays: Stays, supervisor: Supervisor, caller: Caller, scopes: Iterable[Scope], room_id: str | None = None
) -> End:
    """Until the caller is logged out, or out of the first of these workspaces, or of the room."""
    async with AsyncExitStack() as stack:
        watched = [await stack.enter_async_context(stays.stay(caller, scope, room_id)) for scope in scopes]
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


async def until_out_of_rooms(
    stays: Stays, supervisor: Supervisor, caller: Caller, here: Scope, followed: Followed, lost: Lost
) -> End:
    """Until the caller is out of all that he follows, where that is rooms alone; `lost` is told of the others."""
    async with AsyncExitStack() as stack:
        rooms = sorted(followed.rooms)
        left = {room: await stack.enter_async_context(stays.stay(caller, here, room)) for room in rooms}
        while left:
            await race(supervisor, *(stay.ended() for stay in left.values()))
            for room, end in [(room, stay.end) for room, stay in left.items() if stay.end is not None]:
                del left[room]
                followed.drop(room)
                if not end.is_of_room or (followed.is_of_rooms and not left):
                    return end
                await lost(room, end)
        never: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        return await never


async def first(supervisor: Supervisor, *overs: Callable[[], Over]) -> End:
    """The first of these ends."""
    found: list[End] = []

    async def note(over: Callable[[], Over]) -> None:
        found.append(await over())

    await race(supervisor, *map(note, overs))
    return found[0]
