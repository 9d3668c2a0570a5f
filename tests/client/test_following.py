"""Followed streams through broken lines: nothing missed, nothing twice, at whatever byte the line breaks."""

import asyncio
from contextlib import aclosing
from itertools import islice

import pytest

from folkmoot.client import AsyncFolkmoot, Delta, DeltaReset, Event, Folkmoot, NotFound, Reset, Started, Unreachable
from folkmoot.client.following import Cursor
from folkmoot.client.resources.conversations import Reply
from folkmoot.client.sse import Part, Parts
from folkmoot.db.database import Database
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from tests.client.proxy import cuts_of, line_to

pytestmark = pytest.mark.system  # it lives of connections and of the time that passes

SEEDS = range(3)
BYTES_OF_A_CONNECTION = 5000


async def finished_run(client: AsyncFolkmoot) -> str:
    task = await client.create_task(description="Write a tagline for a tea shop")
    return (await client.wait_for_run((await client.start_run(task.id)).id, timeout=60)).id


async def seqs_of(client: AsyncFolkmoot, run_id: str) -> list[int]:
    return [int(str(event["seq"])) for event in (await client.list_run_events(run_id, limit=200)).events]


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_run_is_followed_through_every_cut(address: str, seed: int) -> None:
    async with AsyncFolkmoot(address) as client:
        run_id = await finished_run(client)
        told = await seqs_of(client, run_id)
    assert len(told) > 5
    async with line_to(address, cuts_of(seed, BYTES_OF_A_CONNECTION, 200)) as line:
        async with AsyncFolkmoot(line.address) as client:
            heard = [item async for item in client.follow_run(run_id)]
        assert [item.seq for item in heard if isinstance(item, Event)] == told
        assert line.cuts > 1
        before = line.cuts

        def blocked() -> list[Event]:
            with Folkmoot(line.address) as client:
                return [item for item in client.follow_run(run_id) if isinstance(item, Event)]

        events = await asyncio.to_thread(blocked)
        assert [event.run_seq for event in events] == list(range(1, len(told) + 1))
        assert line.cuts > before


async def test_what_was_told_is_not_told_again(address: str) -> None:
    async with AsyncFolkmoot(address) as client:
        run_id = await finished_run(client)
        told = await seqs_of(client, run_id)
        behind = [item async for item in client.follow_run(run_id, after=told[2])]
        assert [item.seq for item in behind if isinstance(item, Event)] == told[3:]
        assert [item async for item in client.follow_run(run_id, after=told[-1])] == []
        with pytest.raises(NotFound):
            await anext(client.follow_run(new_id()))


async def talk(client: AsyncFolkmoot, message: str) -> list[object]:
    return [item async for item in client.stream_message("ada", message)]


def shown(items: list[object]) -> str:
    """The text as somebody saw it who takes a reset at its word."""
    text = ""
    for item in items:
        text = text + item.text if isinstance(item, Delta) else "" if isinstance(item, DeltaReset) else text
    return text


async def test_a_reply_is_shown_while_it_is_written(address: str) -> None:
    async with AsyncFolkmoot(address) as client:
        await client.create_agent(definition_slug="assistant", name="Ada")
        items = await talk(client, "Hello")
        started, reply = items[0], items[-1]
        assert isinstance(started, Started)
        assert isinstance(reply, Reply)
        assert (started.run_id, shown(items)) == (reply.run_id, reply.response)

        def blocked() -> list[object]:
            with Folkmoot(address) as client:
                return list(client.stream_message("ada", "Hello again"))

        items = await asyncio.to_thread(blocked)
        assert isinstance(items[-1], Reply)
        assert shown(items) == items[-1].response
        with pytest.raises(NotFound):
            await anext(client.stream_message("nobody", "Hello"))


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_message_is_said_once_and_replied_to_however_often_the_line_breaks(address: str, seed: int) -> None:
    async with AsyncFolkmoot(address) as client:
        await client.create_agent(definition_slug="assistant", name="Ada")
        async with line_to(address, cuts_of(seed, 900, 4)) as line, AsyncFolkmoot(line.address) as cut:
            items = await talk(cut, "Hello")
            assert line.cuts > 1
        assert [type(item) for item in items if isinstance(item, Started | Reply)] == [Started, Reply]
        told = await client.list_agent_messages("ada", direction="inbound")
        assert [message.text for message in told.messages] == ["Hello"]


async def test_a_stream_nobody_answers_says_so() -> None:
    async with AsyncFolkmoot("http://127.0.0.1:9") as client:
        for stream in (client.events(), client.follow_run(new_id()), client.stream_message("ada", "Hello")):
            with pytest.raises(Unreachable):
                await anext(stream)


def test_events_are_read_however_their_bytes_come() -> None:
    first = 'id: 7\r\nevent: progress\r\ndata: {"a":\ndata: "é"}\n\n: heartbeat\n\n'
    raw = f"{first}event: delta\ndata: {{}}\n\nid: 8\ndata".encode()
    whole = [Part("7", "progress", {"a": "é"}), Part(None, "delta", {})]
    for size in range(1, len(raw)):
        parts = Parts()
        chunks = (raw[at : at + size] for at in range(0, len(raw), size))
        assert [part for chunk in chunks for part in parts.feed(chunk)] == whole


def test_a_reset_is_told_and_moves_the_cursor() -> None:
    cursor = Cursor()
    begun: JsonObject = {"type": "subscribed", "after": 4, "oldest": 1, "latest": 9, "reset": False}
    assert cursor.take(Part(None, "subscribed", begun)) is None
    assert cursor.id == "4"
    fact: JsonObject = {"event_type": "paused", "timestamp": "2026-01-01T00:00:00Z", "workspace_id": "w", "data": {}}
    taken = [cursor.take(Part(str(seq), "paused", {**fact, "seq": seq})) for seq in (5, 6, 6, 5, 7)]
    assert [item.seq for item in taken if isinstance(item, Event)] == [5, 6, 7]
    restored: JsonObject = {**begun, "after": 2, "latest": 2, "reset": True}
    assert cursor.take(Part(None, "subscribed", restored)) == Reset(2, 1, 2)
    again = cursor.take(Part("3", "paused", {**fact, "seq": 3}))
    assert isinstance(again, Event)
    assert cursor.id == "3"


async def busy(client: AsyncFolkmoot, changes: int) -> int:
    """Makes things happen one after the other; the seq of the last event of all."""
    task = await client.create_task(description="Later")
    for number in range(changes):
        await client.change_task(task.id, name=f"Later {number}")
    cursor = (await client.get_task(task.id, with_cursor=True)).cursor
    assert cursor is not None
    return cursor


async def heard_up_to(client: AsyncFolkmoot, name: str) -> list[int]:
    """The seqs that come from the log's first on, up to the making of a task of that name."""
    heard = list[int]()
    async with aclosing(client.events(after=0)) as items:
        async for item in items:
            assert isinstance(item, Event)
            heard.append(item.seq)
            if item.data.get("name") == name:
                break
    return heard


@pytest.mark.parametrize("seed", SEEDS)
async def test_events_are_followed_through_every_cut(address: str, db: Database, scope: Scope, seed: int) -> None:
    async with (
        asyncio.timeout(30),
        line_to(address, cuts_of(seed, BYTES_OF_A_CONNECTION, 10)) as line,
        AsyncFolkmoot(line.address, workspace=scope.workspace_id) as cut,
        AsyncFolkmoot(address, workspace=scope.workspace_id) as client,
    ):
        await busy(client, 10)
        listening = asyncio.create_task(heard_up_to(cut, "The last"))
        for _ in range(4):
            before = await busy(client, 5)
            line.cut()
        await client.create_task(name="The last", description="Later")
        heard = await listening
        assert heard[: before + 1] == list(range(1, before + 2))
        assert line.cuts > 4


async def test_events_from_now_on_miss_nothing_when_the_line_breaks_before_the_first(
    address: str, db: Database, scope: Scope
) -> None:
    async with (
        line_to(address) as line,
        AsyncFolkmoot(line.address, workspace=scope.workspace_id) as cut,
        AsyncFolkmoot(address, workspace=scope.workspace_id) as client,
        aclosing(cut.events()) as items,
    ):
        before = await busy(client, 3)
        first = asyncio.create_task(anext(items))
        await line.said.wait()
        line.cut()
        after = await busy(client, 0)
        event = await asyncio.wait_for(first, 30)
        assert isinstance(event, Event)
        assert (event.seq, event.event_type) == (before + 1, "task_created")
        assert after >= event.seq


async def test_a_channel_is_a_narrower_stream_with_the_same_numbers(address: str) -> None:
    async with AsyncFolkmoot(address) as client:
        run_id = await finished_run(client)
        told = await seqs_of(client, run_id)

        def blocked() -> list[int]:
            with Folkmoot(address) as client:
                items = islice(client.events(after=0, channels=[f"run:{run_id}"]), len(told))
                return [item.seq for item in items if isinstance(item, Event)]

        assert await asyncio.wait_for(asyncio.to_thread(blocked), 30) == told
        with pytest.raises(NotFound):
            await anext(client.events(channels=[f"run:{new_id()}"]))
