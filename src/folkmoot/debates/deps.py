"""What routes may ask for of debates: a debate's id."""

from typing import Annotated

from fastapi import Depends, Path

from folkmoot.debates.queries import NoSuchDebate
from folkmoot.kernel.ids import checked_id


async def _debate_id(debate_id: Annotated[str, Path(description="The debate's id")]) -> str:
    return checked_id(debate_id, NoSuchDebate)


DebateId = Annotated[str, Depends(_debate_id)]
