"""The log's promise to its readers: one total order per workspace, without a gap, of what was committed."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

import pytest
import sqlalchemy as sa

from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.db.tx import Tx
from folkmoot.events.log import DATA_BYTES, bounded, store
from folkmoot.events.tables import Event, EventHead
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import Json, dumps, loads
from folkmoot.kernel.scope import Scope
from tests.databases import new_scope


@dataclass(frozen=True, kw_only=True)
class Tried(Fact):
    """A fact with a reference of its own."""

    type: ClassVar[str] = "tried"

    task_id: str | None = None
    writer: int = 0
    note: Json = None


def events(tx: Tx, workspace_id: str) -> list[Event]:
    return tx.all(
        Event,
        sa.select(*Event.__table__.c).where(Event.workspace_id == workspace_id).order_by(Event.seq),
    )


def head(tx: Tx, workspace_id: str) -> int:
    return int(tx.scalar(sa.select(EventHead.seq).where(EventHead.workspace_id == workspace_id)))


def say(tx: Tx, scope: Scope, *facts: Fact) -> None:
    for fact in facts:
        tx.emit(scope.workspace_id, fact)


async def test_concurrent_writers_of_two_processes_leave_no_gap(
    db: Database, scope: Scope, hooks: Hooks, database_url: str
) -> None:
    other = connect(database_url, hooks)
    await other.open()

    async def writer(database: Database, number: int) -> None:
        for round_ in range(50):
            facts = [Tried(writer=number, note=round_) for _ in range(1 + (number + round_) % 3)]
            await database.write(say, scope, *facts)

    await asyncio.gather(*(writer(db if number % 2 else other, number) for number in range(8)))
    await other.close()
    log = await db.read(events, scope.workspace_id)

    assert [event.seq for event in log] == list(range(1, len(log) + 1))
    assert await db.read(head, scope.workspace_id) == len(log) == 8 * 50 * 2
    for number in range(8):
        rounds = [int(str(event.data["note"])) for event in log if event.data["writer"] == number]
        assert rounds == sorted(rounds)


async def test_a_unit_that_fails_leaves_no_gap(db: Database, scope: Scope) -> None:
    def culprit(tx: Tx, scope: Scope, *, writes: bool) -> None:
        say(tx, scope, Tried(note="never"))
        if writes:
            store(tx, tx.emissions)
        raise Conflict

    answers = await asyncio.gather(
        db.write(say, scope, Tried()),
        db.write(culprit, scope, writes=False),
        db.write(say, scope, Tried()),
        db.write(culprit, scope, writes=True),
        db.write(say, scope, Tried(), Tried()),
        return_exceptions=True,
    )

    assert [type(answer) for answer in answers] == [type(None), Conflict, type(None), Conflict, type(None)]
    log = await db.read(events, scope.workspace_id)
    assert [event.seq for event in log] == [1, 2, 3, 4]
    assert {event.data["note"] for event in log} == {None}


async def test_workspaces_are_numbered_by_themselves(db: Database, scope: Scope) -> None:
    second = await db.write(new_scope)

    def both(tx: Tx) -> None:
        say(tx, scope, Tried(writer=1))
        say(tx, second, Tried(writer=2))
        say(tx, scope, Tried(writer=3))

    await db.write(both)

    first_log = await db.read(events, scope.workspace_id)
    assert [(event.seq, event.data["writer"]) for event in first_log] == [(1, 1), (2, 3)]
    assert [event.seq for event in await db.read(events, second.workspace_id)] == [1]


async def test_references_are_columns_and_all_else_is_data(db: Database, scope: Scope) -> None:
    def unit(tx: Tx) -> None:
        tx.emit(scope.workspace_id, Tried(task_id="t", note={"b": 1, "a": 2}), run_id=None, agent_id="a")

    before = now()
    await db.write(unit)
    [event] = await db.read(events, scope.workspace_id)

    assert (event.type, event.task_id, event.agent_id, event.run_id) == ("tried", "t", "a", None)
    assert event.data == {"writer": 0, "note": {"b": 1, "a": 2}}
    assert before <= event.at <= now()


async def test_a_workspace_without_a_log_is_an_error(db: Database) -> None:
    with pytest.raises(LookupError, match="nowhere"):
        await db.write(lambda tx: tx.emit("nowhere", Tried()))


async def test_large_data_is_stored_cut(db: Database, scope: Scope) -> None:
    await db.write(say, scope, Tried(note="é" * 20_000))
    [event] = await db.read(events, scope.workspace_id)
    assert event.data == {"writer": 0, "note": "é" * 512, "truncated": True}


@pytest.mark.parametrize(
    "data",
    [
        {"text": "x" * 20_000},
        {"text": "é" * 9_000},
        {"text": "\U0001f600" * 5_000, "id": "an id stays"},
        {"list": [{"text": "x" * 600}] * 100},
        {"deep": {"deep": {"deep": ["\x00" * 3_000]}}},
        {"many": list(range(10_000))},
        {"id": "stays", "of": {f"key {number}": "" for number in range(3_000)}},
        {f"key {number}": number for number in range(3_000)},
    ],
)
def test_data_never_exceeds_its_bound(data: dict[str, Json]) -> None:
    cut = loads(bounded(data))
    assert isinstance(cut, dict)
    assert cut["truncated"] is True
    assert len(dumps(cut).encode()) <= DATA_BYTES
    assert cut.get("id") == data.get("id")


def test_data_within_the_bound_stays_as_it_is() -> None:
    data: dict[str, Json] = {"text": "x" * (DATA_BYTES - len(dumps({"text": ""})))}
    assert loads(bounded(data)) == data
    assert '"truncated":true' in bounded({"text": f"{data['text']}x"})
