"""What a debate tells: whoever folds it sees what the API shows, and every stream of it has the same."""

from typing import Any

import pytest

from folkmoot.events.frames import view
from folkmoot.events.queries import latest_seq, list_events
from folkmoot.kernel.json import JsonObject
from folkmoot.realtime.resources import RESOURCES
from tests.debates.hall import Hall
from tests.house.fold import errors_in, fold, key_of
from tests.realtime.wire import Wire, receive
from tests.serving import listening


async def snapshot(hall: Hall) -> dict[str, dict[str, JsonObject]]:
    """Debates and runs; nothing is known of all else."""
    shown: dict[str, Any] = {name: [] for name in RESOURCES}
    shown["debate"] = (await hall.ask("GET", "/api/debates"))["debates"]
    shown["run"] = (await hall.ask("GET", "/api/runs"))["runs"]
    return {name: {key_of(name, one): one for one in views} for name, views in shown.items()}


@pytest.mark.parametrize("mode", ["structured", "freeform", "autonomous"])
async def test_what_is_folded_is_what_is_shown(hall: Hall, mode: str) -> None:
    debate_id = await hall.make(debate_mode=mode)
    before, cursor = await snapshot(hall), await hall.db.read(latest_seq, hall.scope.workspace_id)
    await hall.control(debate_id, "start")
    await hall.wait(debate_id)
    after = await snapshot(hall)
    state: Any = before
    frames = [view(event) for event in await hall.db.read(list_events, hall.scope.workspace_id, cursor, 1000)]
    for frame in frames:
        assert errors_in(frame) == [], frame
        state = fold(state, frame)
    assert state["debate"] == after["debate"]
    assert state["run"] == after["run"]
    told = [frame for frame in frames if str(frame["event_type"]).startswith(("debate_", "turn_", "argument_"))]
    assert {frame["debate_id"] for frame in told} == {debate_id}


async def test_every_stream_of_a_debate_has_its_events(hall: Hall) -> None:
    debate_id = await hall.make()
    await hall.control(debate_id, "start")
    await hall.wait(debate_id)
    log = await hall.ask("GET", f"/api/events?channels=debate:{debate_id}&limit=200")
    expected = [(frame["seq"], frame["event_type"]) for frame in log["events"]]
    assert expected[-1][1] == "debate_completed"
    async with listening(hall.app) as place:
        wire = Wire(hall.app, hall.client, place, hall.scope)
        for path, is_announced in (
            (f"debates/{debate_id}?after=0", True),
            (f"debate-updates?debate_id={debate_id}&after=0", False),
            ("debate-updates?after=0", False),
            (f"events?channels=debate:{debate_id}&after=0", True),
        ):
            async with wire.open(path) as socket:
                if is_announced:
                    assert (await receive(socket))["channel"] == f"debate:{debate_id}"
                found = [await receive(socket) for _ in expected]
            assert [(frame["seq"], frame["event_type"]) for frame in found] == expected


async def test_control_is_heard(still_hall: Hall) -> None:
    debate_id = await still_hall.make()
    for action in ("start", "pause", "resume", "stop"):
        await still_hall.control(debate_id, action)
    log = await still_hall.ask("GET", f"/api/events?channels=debate:{debate_id}")
    assert [frame["event_type"] for frame in log["events"]] == [
        "resource_changed",
        "debate_started",
        *["turn_started"] * 3,
        "debate_paused",
        "debate_resumed",
        "debate_stopped",
    ]
    assert [frame["data"]["debate"]["status"] for frame in log["events"][-3:]] == ["paused", "active", "stopped"]
