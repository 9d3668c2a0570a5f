"""Every socket: what is told on it, in which order it begins, and why it ends."""

import asyncio
from dataclasses import replace

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from folkmoot.db.tx import Tx
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject, dumps, loads
from folkmoot.kernel.scope import Scope
from folkmoot.tasks.events import TaskCompleted
from tests.databases import new_scope
from tests.realtime.wire import Wire, ended, note_of, receive, receive_all

pytestmark = pytest.mark.system  # real sockets and clients


async def made_agent(wire: Wire) -> JsonObject:
    return await wire.post("/api/agents", {"definition_slug": "assistant"})


async def test_one_agent_by_every_name(wire: Wire) -> None:
    agent, other = await made_agent(wire), await made_agent(wire)
    for ref in (agent["id"], agent["number"], agent["slug"]):
        async with wire.open(f"agents/{ref}?after=0") as socket:
            first = await receive(socket)
            assert (first["type"], first["channel"], first["after"]) == ("subscribed", f"agent:{agent['id']}", 0)
            assert (await receive(socket))["agent_id"] == agent["id"]
            await wire.say(1, agent_id=str(other["id"]))
            await wire.say(2, agent_id=str(agent["id"]))
            frames = [await receive(socket)]
            while frames[-1]["data"] is None or "view" not in dumps(frames[-1]) or '"id":"2"' not in dumps(frames[-1]):
                frames.append(await receive(socket))
            assert {frame["agent_id"] for frame in frames} == {agent["id"]}


async def test_an_agent_that_is_deleted(wire: Wire) -> None:
    agent = await made_agent(wire)
    async with wire.open(f"agents/{agent['id']}?after=0") as socket:
        await receive(socket)
        assert (await wire.client.delete(f"/api/agents/{agent['id']}")).status_code == 204
        assert await ended(socket) == (4404, "what was followed is gone")


async def test_agents(wire: Wire) -> None:
    agents = [str((await made_agent(wire))["id"]) for _ in range(3)]
    latest = (await wire.client.get("/api/events")).json()["latest"]
    async with (
        wire.open(f"agents/stream?after={latest}") as every,
        wire.open(f"agents/stream?after={latest}&agent_id={agents[0]},{agents[2]}") as some,
    ):
        assert (await receive(every))["channel"] == "agents"
        assert (await receive(some))["channel"] == ",".join(f"agent:{id}" for id in sorted((agents[0], agents[2])))
        for number, agent in enumerate(agents):
            await wire.say(number, agent_id=agent)
        await wire.say(9)
        await wire.say(10, agent_id=agents[2])
        assert [note_of(frame) for frame in await receive_all(every, 4)] == [0, 1, 2, 10]
        assert [note_of(frame) for frame in await receive_all(some, 3)] == [0, 2, 10]


async def test_without_a_cursor_agents_begin_with_what_is_new(wire: Wire) -> None:
    agent = await made_agent(wire)
    async with wire.open(f"agents/{agent['id']}") as socket:
        await until_followed(wire)
        await wire.say(1, agent_id=str(agent["id"]))
        assert note_of(await receive(socket)) == 1


async def until_followed(wire: Wire, scope: Scope | None = None) -> None:
    """Until somebody follows the workspace, which a socket without `subscribed` does not say."""
    workspace_id = (scope or wire.scope).workspace_id
    hub = wire.app.state.runtime.hub
    async with asyncio.timeout(10):
        while workspace_id not in hub._feeds or hub._feeds[workspace_id].task is None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_task(wire: Wire) -> None:
    task, other = [str((await wire.post("/api/tasks", {"description": "Look"}))["id"]) for _ in range(2)]
    async with wire.open(f"tasks/{task}?after=0") as socket:
        assert (await receive(socket))["channel"] == f"task:{task}"
        assert (await receive(socket))["event_type"] == "task_created"
        await wire.say(1, task_id=other)
        await wire.say(2, task_id=task)
        assert note_of(await receive(socket)) == 2
        assert (await wire.client.delete(f"/api/tasks/{task}")).status_code == 204
        assert (await ended(socket))[0] == 4404
    async with wire.open(f"tasks/{other}") as socket:
        assert (await receive(socket))["type"] == "subscribed"


async def test_agent_updates(wire: Wire) -> None:
    agent = await made_agent(wire)
    wire.app.state.socket_rules = replace(wire.app.state.socket_rules, status_seconds=0.1)
    async with wire.open("agent-updates?after=0") as socket:
        first, second, third = await receive_all(socket, 3)
        assert (first["event_type"], second["type"]) == ("system_status", "subscribed")
        assert third["event_type"] == "status_update"
        assert "seq" not in first
        answered = (await wire.client.get("/system/status")).json()
        status = first["data"]
        assert isinstance(status, dict)
        assert status.keys() == answered.keys() == {"system_status", "timestamp", "agents", "api_metrics"}
        assert status["system_status"] == "operational"
        assert status["agents"] == answered["agents"]
        assert answered["agents"][agent["id"]]["agent_name"] == agent["name"]
        assert answered["api_metrics"].keys() == {
            *("total_requests", "avg_response_time", "error_count"),
            *("uptime_seconds", "peak_concurrent_connections", "current_connections"),
        }
        assert answered["api_metrics"]["current_connections"] >= 2
        await wire.app.state.runtime.db.write(finish, wire.scope)
        async with asyncio.timeout(10):
            while (frame := await receive(socket))["event_type"] == "status_update":
                continue
        assert frame["event_type"] == "task_completed"


def finish(tx: Tx, scope: Scope) -> None:
    tx.emit(scope.workspace_id, TaskCompleted(task_id=new_id(), name="t", run_number=1, summary=None))


async def test_agent_updates_begin_with_the_status(wire: Wire) -> None:
    other = await wire.app.state.runtime.db.write(new_scope)
    await made_agent(wire)
    async with wire.open("agent-updates", other) as socket:
        first = await receive(socket)
        assert (first["event_type"], first["workspace_id"]) == ("system_status", other.workspace_id)
        data = first["data"]
        assert isinstance(data, dict)
        assert data["agents"] == {}


async def test_debate_updates(wire: Wire) -> None:
    wire.app.state.socket_rules = replace(wire.app.state.socket_rules, heartbeat_seconds=0.1)
    async with wire.open("debate-updates?after=0") as socket:
        assert await receive(socket) == {"type": "heartbeat"}
        await wire.say(1)
        await wire.say(2, debate_id=new_id())
        async with asyncio.timeout(10):
            while (frame := await receive(socket)).get("type") == "heartbeat":
                continue
        assert note_of(frame) == 2


@pytest.mark.system
async def test_what_a_client_says_is_a_sign_of_life_too(wire: Wire) -> None:
    wire.app.state.socket_rules = replace(wire.app.state.socket_rules, heartbeat_seconds=0.3, messages=1000)
    async with wire.open("debate-updates") as socket:
        loop = asyncio.get_running_loop()
        until = loop.time() + 0.6
        while loop.time() < until:
            await socket.send("still here")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.05)
        assert await receive(socket) == {"type": "heartbeat"}


async def test_channels_of_one_workspace(wire: Wire) -> None:
    task = str((await wire.post("/api/tasks", {"description": "Look"}))["id"])
    agent = await made_agent(wire)
    channels = f"task:{task},agent:{agent['number']}"
    async with wire.open(f"events?channels={channels}&after=0") as socket:
        start = await receive(socket)
        assert (start["channel"], start["after"], start["reset"]) == (channels, 0, False)
        await wire.say(1)
        await wire.say(2, task_id=task, agent_id=str(agent["id"]))
        await wire.say(3, task_id=task)
        frames = [await receive(socket)]
        while "note" not in dumps(frames[-1]):
            frames.append(await receive(socket))
        assert {frame.get("task_id") or frame.get("agent_id") for frame in frames} == {task, agent["id"]}
        assert note_of(frames[-1]) == 2
        assert note_of(await receive(socket)) == 3
        seqs = [frame["seq"] for frame in frames]
        assert seqs == sorted(set(map(int, map(str, seqs))))


async def test_everything_of_several_workspaces(wire: Wire) -> None:
    other = await wire.app.state.runtime.db.write(new_scope)
    await wire.say(1)
    await wire.say(2, scope=other)
    ids = [wire.scope.workspace_id, other.workspace_id]
    channels = ",".join(f"workspace:{id}" for id in ids)
    async with wire.open(f"events?channels={channels}&after={dumps(dict.fromkeys(ids, 0))}") as socket:
        start = await receive(socket)
        assert start["after"] == dict.fromkeys(ids, 0)
        assert start["latest"] == dict.fromkeys(ids, 1)
        assert {(frame["workspace_id"], note_of(frame)) for frame in await receive_all(socket, 2)} == {
            (ids[0], 1),
            (ids[1], 2),
        }
        await wire.say(*range(3, 6), scope=other)
        assert [note_of(frame) for frame in await receive_all(socket, 3)] == [3, 4, 5]


REFUSED = [
    ("agents/x", 404, "no_such_agent"),
    ("agents/7", 404, "no_such_agent"),
    ("agents/1", 503, "not_initialized"),
    ("agents/stream?agent_id=x,y", 404, "no_such_agent"),
    ("tasks/x", 404, "no_such_task"),
    ("tasks/0190f0f0-0000-7000-8000-000000000000", 404, "no_such_task"),
    ("debate-updates?debate_id=x", 404, "no_such_debate"),
    ("debate-updates?debate_id=0190f0f0-0000-7000-8000-000000000000", 404, "no_such_debate"),
    ("events?channels=nonsense", 422, "bad_channel"),
    ("events?channels=agents,", 422, "bad_channel"),
    ("events?channels=run:x", 404, "no_such_run"),
    ("events?channels=room:x", 404, "no_such_room"),
    ("events?channels=workspace:x", 404, "no_such_workspace"),
    ("events?after=x", 422, "bad_cursor"),
    ("events?channels=all&after=3", 422, "bad_cursor"),
    ("agents/stream?after=-1", 422, "invalid"),
    ("agent-updates?workspace_slug=nope", 404, "no_such_workspace"),
    ("rooms/0190f0f0-0000-7000-8000-000000000000", 404, None),
    ("nowhere", 404, None),
]


async def test_refused_as_on_rest(wire: Wire) -> None:
    for path, status, code in REFUSED:
        address = f"ws://{wire.place}/ws/{path}"
        headers = {} if "workspace_slug" in path else {"X-Workspace-Id": wire.scope.workspace_id}
        with pytest.raises(InvalidStatus) as refused:
            await connect(address, additional_headers=headers).__aenter__()
        assert refused.value.response.status_code in (status, 403 if code is None else status), path
        body = loads(bytes(refused.value.response.body or b"{}") or b"{}")
        assert isinstance(body, dict)
        assert code is None or body["code"] == code, path


async def test_a_server_that_goes_down_says_so(wire: Wire) -> None:
    async with wire.open("events") as one, wire.open("events?channels=all") as all_, wire.open("agent-updates") as two:
        for socket in (one, all_, two):
            await receive(socket)
        wire.app.state.runtime.hub.close()
        for socket in (one, all_, two):
            assert await ended(socket) == (1001, "the server is going down")
