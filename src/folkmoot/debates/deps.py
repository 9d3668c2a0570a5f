"""What routes may ask for of debates: a debate's id."""

from typing import Annotated

from fastapi import Depends, Path

from folkmoot.debates.queries import NoSuchDebate
from folkmoot.kernel.ids import is_id


async def _debate_id(debate_id: Annotated[str, Path(description="The debate's id")]) -> str:
    """What is no id names no debate."""
    if not is_id(debate_id):
        raise NoSuchDebate
    return debate_id.lower()


DebateId = Annotated[str, Depends(_debate_id)]
