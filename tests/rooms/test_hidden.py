"""What is done to runs of a room from outside is told to who is in the room, and to nobody else of the workspace."""

from typing import Any

import sqlalchemy as sa

from folkmoot.runs.tables import Run
from tests.persons import Person
from tests.rooms.lounge import Lounge

Pair = tuple[Lounge, Lounge, Person]


async def told(lounge: Lounge, resource: str, id: str) -> list[dict[str, Any]]:
    """What this person may read of its changes."""
    page = await lounge.ask("GET", "/api/events?after=0&limit=200")
    changes = [event["data"] for event in page["events"] if event["event_type"] == "resource_changed"]
    return [change for change in changes if (change["resource"], change["id"]) == (resource, id)]


async def test_a_draft_that_nobody_needs_to_decide_about_any_more(pair: Pair) -> None:
    ada, bob, _ = pair
    room = await ada.open("Ada", approval=True)
    await ada.say(room, "@ada What of the secret?")
    approval = await ada.asked(room)
    await ada.ask("POST", f"/api/rooms/{room}/stop")
    [change] = await told(ada, "approval", approval["id"])
    assert change["view"]["status"] == "withdrawn"
    assert await told(bob, "approval", approval["id"]) == []


async def test_a_run_that_is_changed_and_deleted(pair: Pair) -> None:
    ada, bob, _ = pair
    room = await ada.open("Ada")
    await ada.say(room, "@ada hello")
    await ada.quiet(room)
    run_id = (await ada.log(room))[-1]["run_id"]
    await ada.ask("PATCH", f"/api/runs/{run_id}", {"metadata": {"seen": True}})
    await ada.ask("DELETE", f"/api/runs/{run_id}", status=204)
    assert [change["change"] for change in await told(ada, "run", run_id)] == ["updated", "deleted"]
    assert await told(bob, "run", run_id) == []


async def test_a_run_that_is_about_to_pause(pair: Pair) -> None:
    ada, bob, _ = pair
    room = await ada.open()
    made = await ada.ask(
        "POST", f"/api/rooms/{room}/attachments?wait=20", {"title": "Secret", "text": "word " * 50_000}
    )
    run_id = made["run_id"]
    at_work = sa.update(Run).where(Run.id == run_id).values(status="running", completed_at=None)
    await ada.db.write(lambda tx: tx.write(at_work))
    await ada.ask("POST", f"/api/runs/{run_id}/pause")
    assert [change["view"]["title"] for change in await told(ada, "run", run_id)] == ["Ingest Secret"]
    assert await told(bob, "run", run_id) == []


async def test_a_context_that_a_run_of_a_room_has_read(pair: Pair) -> None:
    """Ids of such runs show where their agents are seen at work; nobody learns by one what the run is."""
    ada, bob, _ = pair
    room = await ada.open("Ada")
    await ada.say(room, "@ada hello")
    await ada.quiet(room)
    run_id = (await ada.log(room))[-1]["run_id"]
    context = f"/api/agents/{ada.agents['Ada']['id']}/context"
    await ada.ask("POST", context, {"data": {"a": 1}})
    readers = f"{context}/versions/1/readers"
    refused = await bob.ask("GET", f"{context}?run_id={run_id}", status=404)
    written = await bob.ask("POST", context, {"data": {"a": 2}, "run_id": run_id}, 404)
    assert refused["code"] == written["code"] == "no_such_run"
    assert (await ada.ask("GET", readers))["total"] == 0
    await ada.ask("GET", f"{context}?run_id={run_id}")
    assert [one["run_id"] for one in (await ada.ask("GET", readers))["readers"]] == [run_id]
    assert (await bob.ask("GET", readers))["total"] == 0
