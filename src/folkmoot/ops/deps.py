"""What the pages of operations ask for: the figures of the process, and which entries of the audit log."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AfterValidator
from starlette.requests import HTTPConnection

from folkmoot.audit.queries import Wanted
from folkmoot.http.figures import Figures
from folkmoot.http.text import Line


async def _figures(connection: HTTPConnection) -> Figures:
    figures: Figures = connection.app.state.figures
    return figures


def _in_utc(time: datetime) -> datetime:
    """A time without its zone is taken for UTC."""
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no time in UTC") from None


Word = Annotated[Line | None, Query(max_length=64)]
Time = Annotated[datetime, AfterValidator(_in_utc)]


async def _wanted(
    actor_id: Word = None,
    verb: Word = None,
    object_kind: Word = None,
    object_id: Annotated[Line | None, Query()] = None,
    since: Annotated[Time | None, Query(description="Not before this time")] = None,
    until: Annotated[Time | None, Query(description="Before this time")] = None,
) -> Wanted:
    return Wanted(actor_id=actor_id, verb=verb, object_kind=object_kind, object_id=object_id, since=since, until=until)


Seen = Annotated[Figures, Depends(_figures)]
Filters = Annotated[Wanted, Depends(_wanted)]
