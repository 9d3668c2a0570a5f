"""Contexts as units of work: numbers, rollbacks, pruning, and what is refused, on both databases."""

import asyncio
from itertools import chain

import pytest

from folkmoot.contexts.queries import (
    Named,
    NoSuchContext,
    NoSuchContextVersion,
    OfProject,
    get_context,
    list_contexts,
    list_versions,
)
from folkmoot.contexts.reading import compare_versions, open_context, read_context
from folkmoot.contexts.rules import DATA_BYTES
from folkmoot.contexts.service import (
    Change,
    ContextNotJson,
    ContextSettings,
    ContextTooLarge,
    UnknownVersion,
    VersionConflict,
    WrongContextName,
    get_or_create_context,
    roll_back,
    rollback_to_version,
    succeeded,
    write_context,
    write_named_context,
)
from folkmoot.contexts.tables import AgentContext
from folkmoot.contexts.views import summary_of
from folkmoot.db.database import Database
from folkmoot.events.queries import list_events
from folkmoot.events.tables import Event
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from tests.databases import new_scope

SETTINGS = ContextSettings()


def shared(scope: Scope, name: str = "plan") -> Named:
    return Named(OfProject(scope.project_id), name)


@pytest.fixture
async def context(db: Database, scope: Scope) -> AgentContext:
    return await db.write(get_or_create_context, scope, shared(scope))


async def write(
    db: Database, scope: Scope, context: AgentContext, data: JsonObject, settings: ContextSettings = SETTINGS
) -> int:
    reading = await db.write(write_context, scope, context.id, Change(data), settings)
    assert reading.version is not None
    assert reading.version.version == reading.context.current_version
    return reading.version.version


async def kept(db: Database, context: AgentContext) -> list[int]:
    rows, total = await db.read(list_versions, context.id)
    assert len(rows) == total
    assert [row.data for row in rows] == [{"n": row.version} for row in rows]
    return [row.version for row in reversed(rows)]


async def events(db: Database, scope: Scope) -> list[Event]:
    return await db.read(list_events, scope.workspace_id, 0, 1000)


async def test_a_context_begins_empty_at_version_0(db: Database, scope: Scope) -> None:
    reading = await open_context(db, scope, shared(scope), None, None)
    assert (reading.context.current_version, reading.version, reading.data) == (0, None, {})
    again = await open_context(db, scope, shared(scope), 0, None)
    assert again.context.id == reading.context.id
    assert [(event.type, event.data["change"]) for event in await events(db, scope)] == [
        ("resource_changed", "created")
    ]
    with pytest.raises(NoSuchContextVersion):
        await open_context(db, scope, shared(scope, "another"), 1, None)
    rows, total = await db.read(list_contexts, scope, OfProject(scope.project_id), 0, 10)
    assert ([row.name for row in rows], total) == (["plan"], 1)


async def test_those_who_make_it_at_once_get_the_same(db: Database, scope: Scope, second: Database) -> None:
    made = await asyncio.gather(
        *(door.write(get_or_create_context, scope, shared(scope)) for door in (db, second) for _ in range(8))
    )
    assert len({context.id for context in made}) == 1
    assert len(await events(db, scope)) == 1


async def test_versions_are_counted_and_never_change(db: Database, scope: Scope, context: AgentContext) -> None:
    for number in (1, 2, 3):
        assert await write(db, scope, context, {"n": number}) == number
    assert await kept(db, context) == [1, 2, 3]
    for number in (1, 2, 3):
        reading = await db.read(read_context, scope, context.id, number)
        assert (reading.data, reading.context.current_version) == ({"n": number}, 3)
    for unknown in (4, -1, 2**70):
        with pytest.raises(NoSuchContextVersion):
            await db.read(read_context, scope, context.id, unknown)


async def test_every_version_is_an_event(db: Database, scope: Scope, context: AgentContext) -> None:
    change = Change({"n": 1}, "First", "Ada")
    await db.write(write_context, scope, context.id, change, SETTINGS)
    await db.write(rollback_to_version, scope, context.id, 1)
    said = [event for event in await events(db, scope) if event.type == "agent_context_updated"]
    about: dict[str, Json] = {"context_id": context.id, "context_name": "plan", "version": 1}
    contexts = [event.data.pop("context") for event in said]
    assert [event.data for event in said] == [
        {**about, "change_description": "First", "created_by": "Ada", "rollback": False},
        {**about, "change_description": None, "created_by": "system:system", "rollback": True},
    ]
    row = await db.read(get_context, scope, context.id)
    assert contexts[-1] == summary_of(row).model_dump(mode="json")
    assert [told["rollback_pointer"] for told in contexts if isinstance(told, dict)] == [None, 1]


async def test_sixteen_writers_lose_nothing(
    db: Database, second: Database, scope: Scope, context: AgentContext
) -> None:
    settings = ContextSettings(history_limit=200)

    async def writer(number: int) -> list[tuple[int, JsonObject]]:
        door, written = (db, second)[number % 2], []
        for turn in range(12):
            data: JsonObject = {"writer": number, "turn": turn}
            written.append((await write(door, scope, context, data, settings), data))
        return written

    written = dict(chain.from_iterable(await asyncio.gather(*map(writer, range(16)))))

    rows, total = await db.read(list_versions, context.id)
    assert total == len(written) == 192
    assert [row.version for row in reversed(rows)] == list(range(1, 193))
    assert {row.version: row.data for row in rows} == written
    said = [event.data["version"] for event in await events(db, scope) if event.type == "agent_context_updated"]
    assert said == list(range(1, 193))


async def test_an_expected_version_has_one_winner(
    db: Database, second: Database, scope: Scope, context: AgentContext
) -> None:
    """Sixteen add their words to one list, each twelve times, and try again where another was first."""
    settings = ContextSettings(history_limit=200)
    losses: list[VersionConflict] = []
    won: list[int] = []

    async def writer(number: int) -> None:
        door, turn = (db, second)[number % 2], 0
        while turn < 12:
            seen = await door.read(read_context, scope, context.id)
            words = seen.data.get("words", [])
            assert isinstance(words, list)
            base = seen.context.current_version
            change = Change({"words": [*words, f"{number}.{turn}"]}, expected_version=base)
            try:
                await door.write(write_context, scope, context.id, change, settings)
            except VersionConflict as conflict:
                losses.append(conflict)
            else:
                won.append(base)
                turn += 1

    await asyncio.gather(*map(writer, range(16)))

    assert sorted(won) == list(range(192))
    last = await db.read(read_context, scope, context.id)
    words = last.data["words"]
    assert isinstance(words, list)
    assert sorted(map(str, words)) == sorted(f"{number}.{turn}" for number in range(16) for turn in range(12))
    assert last.context.current_version == 192
    assert losses
    for conflict in losses:
        current, expected = conflict.facts["current_version"], conflict.facts["expected_version"]
        assert isinstance(current, int)
        assert isinstance(expected, int)
        assert current > expected


async def test_a_rollback_is_recorded_and_read(db: Database, scope: Scope, context: AgentContext) -> None:
    assert (context.rollback_pointer, context.rollback_state) == (None, None)
    for number in (1, 2, 3):
        await write(db, scope, context, {"n": number})

    reading = await roll_back(db, scope, shared(scope), 1)
    after = reading.context
    assert reading.data == {"n": 1}
    assert (after.current_version, after.rollback_pointer, after.rollback_state) == (1, 1, "success")
    assert (await open_context(db, scope, shared(scope), None, None)).data == {"n": 1}

    with pytest.raises(VersionConflict) as stale:
        await db.write(write_context, scope, context.id, Change({}, expected_version=3), SETTINGS)
    assert stale.value.facts["current_version"] == 1
    written = await db.write(write_context, scope, context.id, Change({"n": 4}, expected_version=1), SETTINGS)
    after = written.context
    assert (after.current_version, after.rollback_pointer, after.rollback_state) == (4, 1, "success")
    assert await kept(db, context) == [1, 2, 3, 4]


@pytest.mark.parametrize("target", [0, 3, -1, 2**53])
async def test_a_rollback_to_nowhere_is_recorded_as_failed(
    db: Database, scope: Scope, context: AgentContext, target: int
) -> None:
    for number in (1, 2):
        await write(db, scope, context, {"n": number})
    with pytest.raises(UnknownVersion) as unknown:
        await roll_back(db, scope, shared(scope), target)
    assert unknown.value.facts == {"current_version": 2}
    after = await db.read(get_context, scope, context.id)
    assert (after.current_version, after.rollback_pointer, after.rollback_state) == (2, target, "failed")
    last = (await events(db, scope))[-1]
    assert last.type == "resource_changed"
    with pytest.raises(UnknownVersion):
        succeeded(after)


async def test_a_rollback_of_nothing_makes_nothing(db: Database, scope: Scope) -> None:
    with pytest.raises(UnknownVersion):
        await roll_back(db, scope, shared(scope), 1)
    with pytest.raises(UnknownVersion):
        await db.write(
            rollback_to_version, scope, (await db.write(get_or_create_context, scope, shared(scope))).id, 2**70
        )
    assert [event.data["change"] for event in await events(db, scope)] == ["created"]


async def test_pruning_never_renumbers(db: Database, scope: Scope, context: AgentContext) -> None:
    settings = ContextSettings(history_limit=3)
    for number in range(1, 6):
        assert await write(db, scope, context, {"n": number}, settings) == number
    assert await kept(db, context) == [3, 4, 5]
    with pytest.raises(UnknownVersion):
        await roll_back(db, scope, shared(scope), 2)


async def test_pruning_keeps_the_current_version_and_the_rollback_target(
    db: Database, scope: Scope, context: AgentContext
) -> None:
    settings = ContextSettings(history_limit=3)
    for number in range(1, 5):
        await write(db, scope, context, {"n": number}, settings)
    await roll_back(db, scope, shared(scope), 2)
    assert await kept(db, context) == [2, 3, 4]
    for number in range(5, 9):
        assert await write(db, scope, context, {"n": number}, settings) == number
    assert await kept(db, context) == [2, 7, 8]

    await write(db, scope, context, {"n": 9}, ContextSettings(history_limit=1))
    assert await kept(db, context) == [2, 9]
    await roll_back(db, scope, shared(scope), 9)
    await write(db, scope, context, {"n": 10}, ContextSettings(history_limit=1))
    assert await kept(db, context) == [9, 10]


async def test_versions_are_compared(db: Database, scope: Scope, context: AgentContext) -> None:
    for number in (1, 2):
        await write(db, scope, context, {"n": number})
    changed = [{"op": "replace", "path": "/n", "value": 2}]
    assert await compare_versions(db, scope, shared(scope), 1, 2) == changed
    assert await compare_versions(db, scope, shared(scope), 1, None) == changed
    assert await compare_versions(db, scope, shared(scope), 0, 2) == [{"op": "add", "path": "/n", "value": 2}]
    assert await compare_versions(db, scope, shared(scope, "unwritten"), 0, None) == []
    for named, since in ((shared(scope), 3), (shared(scope, "unwritten"), 1)):
        with pytest.raises(NoSuchContextVersion):
            await compare_versions(db, scope, named, since, None)


@pytest.mark.parametrize(
    ("data", "problem"),
    [({"a": "x" * DATA_BYTES}, ContextTooLarge), ({"a": float("nan")}, ContextNotJson), ([1], ContextNotJson)],
)
async def test_what_cannot_be_kept_whole_is_refused(
    db: Database, scope: Scope, data: JsonObject, problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        await db.write(write_named_context, scope, shared(scope), Change(data), SETTINGS)
    assert await events(db, scope) == []


@pytest.mark.parametrize("name", ["", "x" * 256, "a\x00b", "\ud800"])
async def test_a_name_is_a_name(db: Database, scope: Scope, name: str) -> None:
    with pytest.raises(WrongContextName):
        await db.write(get_or_create_context, scope, shared(scope, name))


async def test_a_foreign_context_is_unknown(db: Database, scope: Scope, context: AgentContext) -> None:
    await write(db, scope, context, {"n": 1})
    elsewhere = await db.write(new_scope)
    for context_id in (context.id, new_id()):
        with pytest.raises(NoSuchContext):
            await db.read(read_context, elsewhere, context_id)
        with pytest.raises(NoSuchContext):
            await db.write(write_context, elsewhere, context_id, Change({}), SETTINGS)
        with pytest.raises(NoSuchContext):
            await db.write(rollback_to_version, elsewhere, context_id, 1)
    assert await events(db, elsewhere) == []
    assert await kept(db, context) == [1]
