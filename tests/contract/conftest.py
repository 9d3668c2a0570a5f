"""What the contract suites share."""

from collections.abc import AsyncIterator

import pytest

from folkmoot.db.database import Database
from tests.contract.notes import create, drop


@pytest.fixture
async def notes(db: Database) -> AsyncIterator[Database]:
    """A database with an empty table of notes."""
    await db.write(create)
    yield db
    await db.write(drop)
