"""Runs number their own events, so their hook hangs in every transaction here."""

from collections.abc import AsyncIterator

import pytest

from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.events.log import store
from folkmoot.kernel.scope import Scope
from folkmoot.runs.moves import number_events
from tests.teams.desk import Desk, open_desk


@pytest.fixture
def hooks() -> Hooks:
    return Hooks(before_commit=(number_events,), store=store)


@pytest.fixture
async def desk(db: Database, scope: Scope) -> AsyncIterator[Desk]:
    async with open_desk(db, scope) as desk:
        yield desk
