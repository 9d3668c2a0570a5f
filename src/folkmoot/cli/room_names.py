"""How a command names a room, and who is in it."""

from typing import Annotated

import typer

from folkmoot.cli.client import Client
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.text import word
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import JsonObject

RoomName = Annotated[str, typer.Argument(help="The room's id, or its name where only one has it.", metavar="ROOM")]
Who = Annotated[str, typer.Argument(help="agent:SLUG, agent:ID or user:ID.", metavar="WHO")]

KINDS = ("agent", "user")


def room_path(room_id: str) -> str:
    return f"/api/rooms/{room_id}"


async def find_room_id(client: Client, room: str) -> str:
    """Raises BadUsage where none or several have the name; an id is taken as it is."""
    if is_id(room):
        return room
    found = [one async for one in client.pages("/api/rooms", "rooms") if _is_called(one, room)]
    if not found:
        raise BadUsage(f"You are in no room that is called {word(room)!r}; folkmoot rooms list shows yours")
    if len(found) > 1:
        ids = ", ".join(word(one.get("id")) for one in found)
        raise BadUsage(f"Several rooms are called {word(room)!r}; name one by its id: {ids}")
    return word(found[0].get("id"))


async def find_member_id(client: Client, room_id: str, who: str) -> str:
    """The id of a member of the room who is named as `WHO`. Raises BadUsage."""
    kind, ref = who_is(who)
    async for member in client.pages(f"{room_path(room_id)}/members", "members"):
        if member.get("member_kind") == kind and ref in (member.get("member_id"), member.get("slug")):
            return word(member.get("member_id"))
    raise BadUsage(f"There is no {word(who)} in the room; folkmoot rooms show tells who is")


def who_is(who: str) -> tuple[str, str]:
    """Kind and reference. Raises BadUsage for what is neither an agent nor a user."""
    kind, _, ref = who.partition(":")
    if kind not in KINDS or not ref:
        raise BadUsage(f"{word(who)!r} is nobody: say agent:SLUG, agent:ID or user:ID")
    return kind, ref


def _is_called(room: JsonObject, name: str) -> bool:
    return str(room.get("name")).casefold() == name.casefold()
