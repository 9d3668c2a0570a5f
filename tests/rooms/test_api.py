"""Rooms over HTTP: members, messages in their order, who speaks, proposals, and work that a room starts."""

from tests.rooms.lounge import Lounge


async def test_a_mentioned_agent_answers(lounge: Lounge) -> None:
    room = await lounge.open("Ada", "Bea")
    said = await lounge.say(room, "@ada what is promised about crashes?")
    assert (said["seq"], said["sender_type"], said["sender_id"]) == (1, "user", "local")
    await lounge.quiet(room)
    _, answer = await lounge.log(room)
    assert (answer["sender_name"], answer["seq"], answer["reply_to"]) == ("Ada", 2, said["id"])
    assert answer["models"] == ["practice:practice"]
    assert (await lounge.look(room))["last_seq"] == 2


async def test_nobody_speaks_who_was_not_called_upon(lounge: Lounge) -> None:
    room = await lounge.open("Ada", "Bea")
    await lounge.say(room, "Just thinking aloud")
    assert (await lounge.look(room))["speaking_run_id"] is None
    assert await lounge.speakers(room) == ["-"]


async def test_agents_that_always_answer_each_other_end_by_the_caps(lounge: Lounge) -> None:
    """The practice model repeats what it was told, and so each calls upon the other."""
    room = await lounge.open("Ada", "Bea", ai_frequency=1.0)
    await lounge.say(room, "@ada @bea talk to each other")
    await lounge.quiet(room)
    assert await lounge.speakers(room) == ["-", "Ada", "Bea", "Ada"]
    await lounge.say(room, "Go on")
    await lounge.quiet(room)
    assert (await lounge.speakers(room))[4:] == ["-", "Bea", "Ada", "Bea"]
    assert [one["seq"] for one in await lounge.log(room)] == list(range(1, 9))


async def test_an_agent_speaks_by_its_trigger(lounge: Lounge) -> None:
    room = await lounge.open("Ada", members={"Ada": {"trigger": {"message_count": 2}}})
    await lounge.say(room, "One")
    await lounge.quiet(room)
    await lounge.say(room, "Two")
    await lounge.quiet(room)
    assert await lounge.speakers(room) == ["-", "-", "Ada"]


async def test_what_is_said_is_edited_deleted_and_reacted_to(lounge: Lounge) -> None:
    room = await lounge.open()
    said = await lounge.say(room, "Hello")
    path = f"/api/rooms/{room}/messages/{said['id']}"
    edited = await lounge.ask("PATCH", path, {"content": "Hello all"})
    assert (edited["content"], edited["edited_at"] is not None) == ("Hello all", True)
    for _ in range(2):
        reacted = await lounge.ask("PUT", f"{path}/reactions/👍")
    assert reacted["reactions"] == [{"emoji": "👍", "author_ids": ["local"]}]
    assert (await lounge.ask("DELETE", f"{path}/reactions/👍"))["reactions"] == []
    answer = await lounge.say(room, "Answer", reply_to=said["id"])
    assert answer["reply_to"] == said["id"]
    await lounge.ask("DELETE", path, status=204)
    [gone, _] = await lounge.log(room)
    assert (gone["seq"], gone["content"], gone["deleted_at"] is not None) == (1, "", True)
    assert (await lounge.ask("PATCH", path, {"content": "Again"}, 409))["code"] == "message_is_deleted"
    unknown = "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23"
    await lounge.ask("POST", f"/api/rooms/{room}/messages", {"content": "x", "reply_to": unknown}, 404)


async def test_members_come_change_and_go(lounge: Lounge) -> None:
    room = await lounge.open("Ada")
    path, ada = f"/api/rooms/{room}/members", lounge.agents["Ada"]["id"]
    assert (await lounge.ask("POST", path, {"agent_id": "ada"}, 409))["code"] == "already_in_room"
    assert (await lounge.ask("POST", path, {}, 422))["code"] == "one_member"
    await lounge.ask("POST", path, {"agent_id": "nobody"}, 404)
    await lounge.ask("POST", path, {"user_id": "nobody"}, 404)
    changed = await lounge.ask("PATCH", f"{path}/{ada}", {"asleep": True, "trigger": {"message_count": 1}})
    assert (changed["asleep"], changed["trigger"]["message_count"]) == (True, 1)
    assert (await lounge.ask("PATCH", f"{path}/{ada}", {"role": "owner"}, 422))["code"] == "not_of_this_kind"
    await lounge.say(room, "Who sleeps says nothing")
    assert (await lounge.look(room))["speaking_run_id"] is None
    assert (await lounge.ask("PATCH", f"{path}/local", {"role": "member"}, 409))["code"] == "last_room_owner"
    assert (await lounge.ask("DELETE", f"{path}/local", status=409))["code"] == "last_room_owner"
    await lounge.ask("DELETE", f"{path}/{ada}", status=204)
    assert [one["member_id"] for one in (await lounge.ask("GET", path))["members"]] == ["local"]
    await lounge.ask("DELETE", f"{path}/{ada}", status=404)


async def test_read_markers_and_what_is_unread(lounge: Lounge) -> None:
    room = await lounge.open("Ada")
    await lounge.say(room, "@ada hello")
    await lounge.quiet(room)
    assert (await lounge.ask("GET", "/api/rooms"))["unread"] == {room: 1}
    assert (await lounge.ask("POST", f"/api/rooms/{room}/read", {}))["last_read_seq"] == 2
    assert (await lounge.ask("POST", f"/api/rooms/{room}/read", {"seq": 1}))["last_read_seq"] == 2
    assert (await lounge.ask("GET", "/api/rooms"))["unread"] == {room: 0}


async def test_a_proposal_is_published_once_a_person_agrees(lounge: Lounge) -> None:
    room = await lounge.open("Ada", approval=True)
    for number, decision in enumerate(("approve", "reject")):
        await lounge.say(room, "@ada hello")
        approval = await lounge.asked(room)
        assert (approval["subject"], approval["detail"]["agent_name"]) == ("message", "Ada")
        await lounge.ask("POST", f"/api/approvals/{approval['id']}/resolve", {"decision": decision})
        await lounge.quiet(room)
        assert (await lounge.speakers(room)).count("Ada") == 1, number


async def test_an_instructor_approves_too(lounge: Lounge) -> None:
    room = await lounge.open("Ada", "Bea", approval=True, members={"Bea": {"category": "instructor"}})
    await lounge.say(room, "@ada hello")
    await lounge.quiet(room)
    assert "Ada" in await lounge.speakers(room)


async def test_a_newer_message_cancels_a_draft(lounge: Lounge) -> None:
    room = await lounge.open("Ada", approval=True)
    await lounge.say(room, "@ada hello")
    approval = await lounge.asked(room)
    await lounge.say(room, "Never mind")
    assert (await lounge.look(room))["speaking_run_id"] is None
    run = await lounge.ask("GET", f"/api/runs/{approval['run_id']}")
    assert run["status"] == "cancelled"
    assert await lounge.speakers(room) == ["-", "-"]


async def test_who_speaks_is_stopped(lounge: Lounge) -> None:
    room = await lounge.open("Ada", approval=True)
    await lounge.say(room, "@ada hello")
    approval = await lounge.asked(room)
    assert (await lounge.ask("POST", f"/api/rooms/{room}/stop"))["speaking_run_id"] is None
    assert (await lounge.ask("GET", f"/api/runs/{approval['run_id']}"))["status"] == "cancelled"


async def test_a_room_starts_a_task_and_a_debate(lounge: Lounge) -> None:
    room = await lounge.open("Ada", "Bea")
    await lounge.say(room, "/task Summarise what was decided")
    begun = await lounge.ask("POST", f"/api/rooms/{room}/debates", {"text": "Which database?"}, 202)
    for run in (await lounge.ask("GET", "/api/runs"))["runs"]:
        await lounge.engine.wait(lounge.scope, run["id"], 30)
    reports = [one for one in await lounge.log(room) if one["sender_type"] == "system"]
    assert {one["content"].split("\n")[0] for one in reports} >= {
        "The task “Summarise what was decided” was started.",
        "The task “Summarise what was decided” is completed.",
        "The debate “Which database?” was started.",
        "The debate “Which database?” is completed.",
    }
    [verdict] = [one for one in reports if one["run_id"] == begun["run_id"] and "completed" in one["content"]]
    assert "Decided: " in verdict["content"]
    alone = await lounge.open("Ada")
    body = {"content": "/debate Which one?"}
    assert (await lounge.ask("POST", f"/api/rooms/{alone}/messages", body, 409))["code"] == "too_few_agents"
    assert await lounge.log(alone) == []


async def test_a_prompt_shows_what_would_be_sent(lounge: Lounge) -> None:
    await lounge.ask("POST", "/api/knowledge/documents", {"title": "c.md", "text": "After a crash all runs go on."})
    room = await lounge.open("Ada", description="Plan the move")
    ada = lounge.agents["Ada"]["id"]
    await lounge.ask("POST", f"/api/agents/{ada}/context", {"data": {"colour": "blue"}})
    await lounge.say(room, "What happens after a crash?")
    prompt = await lounge.ask("GET", f"/api/rooms/{room}/agents/ada/prompt")
    system, question = prompt["messages"]
    assert question == {"role": "user", "text": "local owner: What happens after a crash?"}
    for part in ("Plan the move", "Ada (@ada)", "local owner, a person", '"colour"', "After a crash all runs go on."):
        assert part in system["text"], part
    assert all(id in system["text"] for id in prompt["passage_ids"])
    assert prompt["passage_ids"]
    await lounge.ask("GET", f"/api/rooms/{room}/agents/bea/prompt", status=404)


async def test_what_was_said_long_ago_is_summarised(lounge: Lounge) -> None:
    room = await lounge.open("Ada", settings={"history_tokens": 200})
    for number in range(6):
        await lounge.say(room, f"Point {number}: " + "words and more words. " * 10)
    await lounge.say(room, "@ada what do you think?")
    await lounge.quiet(room)
    prompt = await lounge.ask("GET", f"/api/rooms/{room}/agents/ada/prompt")
    assert prompt["summary_version"] == 1
    assert "What was said before, summarised" in prompt["messages"][0]["text"]
    assert "Point 0" not in prompt["messages"][1]["text"]
