"""What the routes of the core agents may ask for: the caller's workspace, where the database can be asked for it."""

from typing import Annotated

from fastapi import Depends, Header
from starlette.requests import HTTPConnection

from folkmoot.db.lanes import DatabaseUnavailable
from folkmoot.http.text import Line
from folkmoot.kernel.scope import Scope
from folkmoot.workspaces.deps import Selected


class Reached(Selected):
    """As `Selected`; None where the database cannot be asked who the caller is and where."""

    async def __call__(self, connection: HTTPConnection) -> Scope | None:  # type: ignore[override]
        """Raises NoSuchWorkspace, RoleTooLow, SelectorsDisagree."""
        try:
            return await super().__call__(connection)
        except DatabaseUnavailable:
            return None


HereIfReached = Annotated[Scope | None, Depends(Reached())]
IdempotencyKey = Annotated[Line | None, Header(description="The same key and body within 24 hours answer the same run")]
