"""/ws/runs/{id}: subscribed first, then the run's events by cursor, then closed."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from folkmoot.kernel.json import JsonObject, loads
from tests.runs.test_api import Stage, stage
from tests.serving import listening

pytestmark = pytest.mark.system  # real sockets and clients

__all__ = ["stage"]


@pytest.fixture
async def place(stage: Stage) -> AsyncIterator[str]:
    async with listening(stage.app) as place:
        yield f"ws://{place}"


def opened(stage: Stage, place: str, address: str) -> connect:
    """A socket in the stage's workspace."""
    return connect(f"{place}/ws/runs/{address}", additional_headers={"X-Workspace-Id": stage.scope.workspace_id})


async def receive(socket: ClientConnection) -> JsonObject:
    found = loads(await asyncio.wait_for(socket.recv(), 10))
    assert isinstance(found, dict)
    return found


async def rest(socket: ClientConnection) -> list[JsonObject]:
    """All frames until it is closed, which must be the normal way."""
    found: list[JsonObject] = []
    async with asyncio.timeout(10):
        async for text in socket:
            frame = loads(text)
            assert isinstance(frame, dict)
            found.append(frame)
    assert socket.close_code == 1000
    return found


async def test_from_the_start(stage: Stage, place: str) -> None:
    run_id = await stage.run(["a"], ["hold"])
    async with opened(stage, place, f"{run_id}?after=0") as socket:
        first = await receive(socket)
        assert (first["type"], first["channel"], first["after"], first["reset"]) == (
            "subscribed",
            f"run:{run_id}",
            0,
            False,
        )
        await stage.executor.at_it.wait()
        stage.executor.go.set()
        frames = await rest(socket)
    facts = [frame for frame in frames if "event_type" in frame]
    assert [fact["run_seq"] for fact in facts] == list(range(1, len(facts) + 1))
    assert facts[-1]["event_type"] == "completion"
    assert {frame["type"] for frame in frames if "type" in frame} == {"delta"}


async def test_from_a_cursor(stage: Stage, place: str) -> None:
    run_id = await stage.done(["a"], ["b"])
    async with opened(stage, place, f"{run_id}?after=0") as socket:
        whole = await rest(socket)
    async with opened(stage, place, f"{run_id}/?after={whole[3]['seq']}") as socket:
        assert (await rest(socket))[1:] == whole[4:]


@pytest.mark.parametrize("query", ["", "?after=1000000"])
async def test_when_everything_was_told(stage: Stage, place: str, query: str) -> None:
    run_id = await stage.done(["a"])
    async with opened(stage, place, f"{run_id}{query}") as socket:
        [frame] = await rest(socket)
    assert frame["type"] == "subscribed"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/ws/runs/0190f0f0-0000-7000-8000-000000000000", 404, "no_such_run"),
        ("/ws/runs/x", 404, "no_such_run"),
        ("/ws/runs/0190f0f0-0000-7000-8000-000000000000?workspace_slug=nope", 404, "no_such_workspace"),
        ("/ws/runs/0190f0f0-0000-7000-8000-000000000000?after=-1", 422, "invalid"),
    ],
)
async def test_refused_as_on_rest(place: str, path: str, status: int, code: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{place}{path}").__aenter__()
    assert refused.value.response.status_code == status
    body = loads(bytes(refused.value.response.body or b"{}"))
    assert isinstance(body, dict)
    assert body.get("code") == code


async def test_foreign_pages(stage: Stage, place: str) -> None:
    run_id = await stage.run(["a"])
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{place}/ws/runs/{run_id}", origin=Origin("https://evil.example")).__aenter__()
    assert refused.value.response.status_code == 403


async def test_a_peer_that_leaves(stage: Stage, place: str) -> None:
    run_id = await stage.run(["hold"])
    async with opened(stage, place, f"{run_id}?after=0") as socket:
        await receive(socket)
        await socket.send("what a client says is ignored")
        [feed] = stage.app.state.runtime.hub._feeds.values()
    await asyncio.wait({feed.task}, timeout=5)
    assert stage.app.state.runtime.hub._feeds == {}
