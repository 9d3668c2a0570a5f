"""What routes may ask for of rooms: the ids of a room, a member and a message."""

from typing import Annotated

from fastapi import Depends, Path

from folkmoot.kernel.ids import checked_id
from folkmoot.rooms.queries import NoSuchRoom, NoSuchRoomMessage


async def _room_id(room_id: Annotated[str, Path(max_length=255, description="The room's id")]) -> str:
    return checked_id(room_id, NoSuchRoom)


async def _message_id(message_id: Annotated[str, Path(max_length=255, description="The message's id")]) -> str:
    return checked_id(message_id, NoSuchRoomMessage)


RoomId = Annotated[str, Depends(_room_id)]
RoomMessageId = Annotated[str, Depends(_message_id)]
MemberId = Annotated[str, Path(max_length=255, description="The id of the person or agent")]
