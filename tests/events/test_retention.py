"""The log keeps what it promises to keep, and says where it begins."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.events.log import store
from folkmoot.events.queries import find_head, list_events
from folkmoot.events.retention import Retention, prune
from folkmoot.events.tables import Event
from folkmoot.kernel.clock import now
from folkmoot.kernel.scope import Scope


@pytest.fixture
def hooks() -> Hooks:
    return Hooks(store=store)


def say(tx: Tx, scope: Scope, number: int) -> None:
    for index in range(number):
        tx.emit(scope.workspace_id, ResourceChanged(resource="note", id=str(index), change="updated", view=None))


def age(tx: Tx, scope: Scope, upto: int, days: int) -> None:
    old = sa.update(Event).where(Event.workspace_id == scope.workspace_id, Event.seq <= upto)
    tx.write(old.values(at=now() - timedelta(days=days)))


async def kept(db: Database, scope: Scope) -> tuple[list[int], int]:
    events = await db.read(list_events, scope.workspace_id, 0, 5000)
    head = await db.read(find_head, scope.workspace_id)
    assert head is not None
    return [event.seq for event in events], head.oldest


async def test_only_the_newest_are_kept(db: Database, scope: Scope) -> None:
    await db.write(say, scope, 1200)
    await prune(db, Retention(events=100))
    assert await kept(db, scope) == (list(range(1101, 1201)), 1101)
    await prune(db, Retention(events=100))
    assert (await kept(db, scope))[1] == 1101


async def test_old_ones_go_and_the_rest_stays(db: Database, scope: Scope) -> None:
    await db.write(say, scope, 50)
    await db.write(age, scope, 20, 31)
    await prune(db, Retention())
    assert await kept(db, scope) == (list(range(21, 51)), 21)


async def test_all_may_be_old(db: Database, scope: Scope) -> None:
    await db.write(say, scope, 7)
    await db.write(age, scope, 7, 31)
    await prune(db, Retention())
    assert await kept(db, scope) == ([], 8)
    await db.write(say, scope, 1)
    assert await kept(db, scope) == ([8], 8)
