"""Runs number their own events, so their hook hangs in every transaction here."""

import pytest

from folkmoot.db.lanes import Hooks
from folkmoot.events.log import store
from folkmoot.runs.moves import number_events


@pytest.fixture
def hooks() -> Hooks:
    return Hooks(before_commit=(number_events,), store=store)
