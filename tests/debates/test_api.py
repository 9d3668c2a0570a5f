"""Debates over HTTP: the calls of the source documents as they stand, validation, control, people, reports."""

from typing import Any

import pytest

from folkmoot.db.tx import Tx
from folkmoot.debates.queries import find_debate_of
from folkmoot.debates.report import report_hash
from folkmoot.runs.append import lock_run, verb_end
from tests.debates.hall import OPTIONS, TOPIC, Hall

pytestmark = pytest.mark.system  # the whole room over HTTP, call by call


async def test_the_calls_as_the_source_documents_show_them(hall: Hall) -> None:
    body = {
        "debate_topic": "Which one?",
        "problem_statement": "Say which.",
        "selected_agents": [hall.agents["Ada"]["id"], str(hall.agents["Bea"]["number"]), hall.agents["Cyn"]["number"]],
        "debate_rules": {},
    }
    made = await hall.ask("POST", "/debate/initialize", body)
    assert {name: made[name] for name in ("debate_id", "status")} == {
        "debate_id": made["debate_id"],
        "status": "initialized",
    }
    debate = await hall.look(made["debate_id"])
    config = debate["config"]
    limits = ("max_rounds", "max_iterations_per_round", "consensus_threshold", "time_limit_per_argument")
    assert (config["debate_mode"], *(config[name] for name in limits)) == ("autonomous", 5, 3, 0.8, 60)
    assert config["selected_agents"] == [hall.agents[name]["id"] for name in ("Ada", "Bea", "Cyn")]
    for name in ("current_round", "current_iteration", "next_turn", "consensus_score", "total_arguments", "updated_at"):
        assert name in debate
    started = await hall.control(made["debate_id"], "start")
    assert started["status"] == "active"
    ended = await hall.wait(made["debate_id"])
    assert ended["status"] == "consensus_reached", "without options the practice model's label is the topic"
    assert (await hall.ask("GET", "/debates"))["debates"][0]["debate_id"] == made["debate_id"]


WRONG: list[dict[str, Any]] = [
    {"selected_agents": ["ada"]},
    {"selected_agents": []},
    {"selected_agents": ["ada", "ada"]},
    {"selected_agents": [f"agent-{number}" for number in range(11)]},
    {"debate_topic": ""},
    {"problem_statement": None},
    {"debate_mode": "loud"},
    {"max_rounds": 0},
    {"max_rounds": 21},
    {"max_iterations_per_round": 0},
    {"max_iterations_per_round": 11},
    {"consensus_threshold": -0.1},
    {"consensus_threshold": 1.1},
    {"time_limit_per_argument": 9},
    {"time_limit_per_argument": 301},
    {"unknown": 1},
    {"debate_rules": {"unknown": 1}},
    {"debate_rules": {"decision": "coin"}},
    {"debate_rules": {"weights": "heavy"}},
    {"debate_rules": {"ballot": "open"}},
    {"debate_rules": {"min_rounds": 0}},
    {"debate_rules": {"stability_rounds": 21}},
    {"debate_rules": {"quorum": 0}},
    {"debate_rules": {"quorum": 4}},
    {"debate_rules": {"options": ["A"]}},
    {"debate_rules": {"options": ["A", "a!"]}},
    {"debate_rules": {"options": ["A", "!"]}},
    {"debate_rules": {"decision": "judge"}},
    {"debate_rules": {"judge_agent_id": "cyn"}},
    {"debate_rules": {"moderator_agent_id": "cyn"}},
    {"debate_rules": {"budget": {"usd": -1}}},
    {"debate_rules": {"seed": -1}},
]


async def test_what_is_not_valid_is_refused(still_hall: Hall) -> None:
    body = {**TOPIC, "selected_agents": ["ada", "bea", "cyn"]}
    for wrong in WRONG:
        answer = await still_hall.ask("POST", "/api/debate/initialize", {**body, **wrong}, 422)
        assert answer["errors"], wrong
    twice = {**body, "selected_agents": ["ada", still_hall.agents["Ada"]["number"]]}
    assert (await still_hall.ask("POST", "/api/debate/initialize", twice, 422))["code"] == "agents_not_distinct"
    judging = {**body, "debate_rules": {"decision": "judge", "judge_agent_id": "cyn"}}
    assert (await still_hall.ask("POST", "/api/debate/initialize", judging, 422))["code"] == "agents_not_distinct"
    unknown = {**body, "selected_agents": ["ada", "nobody"]}
    assert (await still_hall.ask("POST", "/api/debate/initialize", unknown, 404))["code"] == "no_such_agent"
    assert (await still_hall.ask("GET", "/api/debates"))["total"] == 0


async def test_unknown_debates_are_not_found(still_hall: Hall) -> None:
    for debate_id in ("nothing", "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23"):
        for path in ("", "/report", "/transcript"):
            await still_hall.ask("GET", f"/api/debates/{debate_id}{path}", status=404)
        await still_hall.control(debate_id, "start", 404)
        await still_hall.ask("POST", f"/api/debates/{debate_id}/statements", {"text": "Hello"}, 404)


async def test_a_key_makes_one_debate(still_hall: Hall) -> None:
    body = {**TOPIC, "selected_agents": ["ada", "bea"]}
    still_hall.headers["Idempotency-Key"] = "k1"
    one = await still_hall.ask("POST", "/api/debate/initialize", body)
    assert await still_hall.ask("POST", "/api/debate/initialize", body) == one
    other = {**body, "max_rounds": 3}
    assert (await still_hall.ask("POST", "/api/debate/initialize", other, 409))["code"] == "key_reused"
    assert (await still_hall.ask("GET", "/api/debates"))["total"] == 1


def _time_out(tx: Tx, hall: Hall, run_id: str) -> None:
    run = lock_run(tx, hall.scope.workspace_id, run_id)
    assert run is not None
    verb_end(tx, hall.engine, run, "timeout", {})


WAYS = {
    "initialized": (),
    "active": ("start",),
    "paused": ("start", "pause"),
    "stopped": ("start", "stop"),
    "failed": ("start",),
}


async def _at(hall: Hall, status: str) -> str:
    """A debate in that state, with nobody at work on it."""
    debate_id = await hall.make()
    for action in WAYS[status]:
        await hall.control(debate_id, action)
    if status == "failed":
        await hall.db.write(_time_out, hall, (await hall.look(debate_id))["run_id"])
    assert (await hall.look(debate_id))["status"] == status
    return debate_id


TABLE = {
    "initialized": {"start": "active", "stop": "stopped"},
    "active": {"start": "active", "pause": "paused", "resume": "active", "stop": "stopped"},
    "paused": {"pause": "paused", "resume": "active", "stop": "stopped"},
    "stopped": {"stop": "stopped"},
    "failed": {},
}


@pytest.mark.parametrize("status", TABLE)
async def test_the_table_of_controls(still_hall: Hall, status: str) -> None:
    for action in ("start", "pause", "resume", "stop"):
        debate_id = await _at(still_hall, status)
        reached = TABLE[status].get(action)
        answer = await still_hall.control(debate_id, action, 200 if reached else 409)
        if reached:
            assert answer["status"] == reached
            assert (await still_hall.control(debate_id, action))["status"] == reached, "and repeated it stays"
        else:
            assert (answer["code"], answer["status_now"]) == ("illegal_control", status)
            assert (await still_hall.look(debate_id))["status"] == status
    await still_hall.control(debate_id, "restart", 422)


async def test_what_has_ended_is_not_controlled(hall: Hall) -> None:
    for given, status in (({}, "completed"), ({"selected_agents": ["ada", "cyn"]}, "consensus_reached")):
        debate = await hall.held(**given)
        assert debate["status"] == status
        for action in ("start", "pause", "resume", "stop"):
            assert (await hall.control(debate["debate_id"], action, 409))["status_now"] == status


async def test_a_report_says_what_was_decided_and_how(hall: Hall) -> None:
    debate = await hall.held()
    assert (debate["status"], debate["consensus_score"], debate["leader"]) == ("completed", 0.666667, OPTIONS[0])
    assert debate["next_turn"] is None
    assert [one["round"] for one in debate["rounds"]] == [1, 2]
    report = await hall.ask("GET", f"/debates/{debate['debate_id']}/report")
    assert report["decision"] == {
        "rule": "vote",
        "type": "majority",
        "winner": OPTIONS[0],
        "support": 0.666667,
        "asked": "vote",
        "verdict": None,
    }
    assert (report["status"], report["stop_reason"]) == ("completed", "max_rounds")
    assert report["votes"]["initial"] == report["votes"]["final"]
    assert report["votes"]["final"]["votes"] == {OPTIONS[0]: 2, OPTIONS[1]: 1}
    assert [one["names"] for one in report["dissent"]] == [["Bea"]]
    assert report["dissent"][0]["best_argument"]["text"]
    assert [warning["code"] for warning in report["warnings"]] == ["one_model"]
    assert report["usage"]["model_calls"] == 12
    assert report["hash"] == report_hash(report)
    assert len(report["transcript"]) == 6
    said = await hall.ask("GET", f"/debates/{debate['debate_id']}/transcript?skip=3&limit=2")
    assert (said["total"], [one["key"] for one in said["statements"]]) == (6, ["r2.i1.s2", "r2.i1.s3"])
    assert said["statements"] == report["transcript"][3:5]
    run = await hall.ask("GET", f"/api/runs/{debate['run_id']}")
    assert (run["kind"], run["round_count"], run["results"]["report_hash"]) == ("debate", 2, report["hash"])


async def test_the_same_debate_has_the_same_hash(hall: Hall) -> None:
    hashes = set()
    for _ in range(2):
        debate = await hall.held()
        hashes.add((await hall.ask("GET", f"/debates/{debate['debate_id']}/report"))["hash"])
    assert len(hashes) == 1


async def test_there_is_no_report_before_the_end(still_hall: Hall) -> None:
    debate_id = await still_hall.make()
    answer = await still_hall.ask("GET", f"/api/debates/{debate_id}/report", status=409)
    assert (answer["code"], answer["status_now"]) == ("no_report_yet", "initialized")
    await still_hall.control(debate_id, "stop")
    report = await still_hall.ask("GET", f"/api/debates/{debate_id}/report")
    assert (report["status"], report["stop_reason"], report["decision"]["type"]) == (
        "stopped",
        "stopped",
        "inconclusive",
    )


async def test_a_person_takes_part(still_hall: Hall) -> None:
    debate_id = await still_hall.make({"person_votes": True})
    path = f"/api/debates/{debate_id}/statements"
    said = await still_hall.ask("POST", path, {"text": "As @bea says, @nobody"}, 201)
    assert (said["type"], said["seat"], said["agent_id"], said["number"]) == ("statement", 4, None, 1)
    bea = next(one["seat"] for one in (await still_hall.look(debate_id))["participants"] if one["slug"] == "bea")
    assert (said["text"], said["responds_to"]) == (f"As @{bea} says, @nobody", [bea])
    wrong = await still_hall.ask("POST", path, {"text": "Oracle", "position": "Oracle"}, 422)
    assert (wrong["code"], wrong["options"]) == ("no_such_option", OPTIONS)
    await still_hall.ask("POST", path, {"text": "So", "position": "postgresql  SERVERS", "confidence": 0.9}, 201)
    debate = await still_hall.look(debate_id)
    assert debate["status"] == "initialized", "who speaks starts nothing"
    person = debate["participants"][3]
    assert (person["kind"], person["position"], person["turns"]) == ("person", OPTIONS[1], 2)
    assert debate["total_arguments"] == 2
    await still_hall.control(debate_id, "stop")
    await still_hall.ask("POST", path, {"text": "Too late"}, 409)


async def test_a_person_who_votes_decides_with_the_agents(hall: Hall) -> None:
    debate_id = await hall.make({"person_votes": True})
    statement = {"text": "A server.", "position": OPTIONS[1], "confidence": 0.9}
    await hall.ask("POST", f"/api/debates/{debate_id}/statements", statement, 201)
    await hall.control(debate_id, "start")
    debate = await hall.wait(debate_id)
    report = await hall.ask("GET", f"/debates/{debate_id}/report")
    assert report["votes"]["final"]["votes"] == {OPTIONS[0]: 2, OPTIONS[1]: 2}
    assert (report["decision"]["type"], debate["consensus_score"]) == ("deadlock", 0.5)


@pytest.mark.parametrize(("decision", "status"), [("approve", "completed"), ("reject", "failed")])
async def test_a_verdict_waits_for_a_person(hall: Hall, decision: str, status: str) -> None:
    debate_id = await hall.make({"approve_verdict": True})
    await hall.control(debate_id, "start")
    asked = await _asked(hall)
    debate = await hall.until(debate_id, "paused")
    assert debate["next_turn"]["kind"] == "approval"
    await hall.ask("GET", f"/debates/{debate_id}/report", status=409)
    await hall.control(debate_id, "resume", 409)
    await hall.control(debate_id, "pause")
    assert asked["detail"]["winner"] == OPTIONS[0]
    await hall.ask("POST", f"/api/approvals/{asked['id']}/resolve", {"decision": decision})
    assert (await hall.wait(debate_id))["status"] == status
    report = await hall.ask("GET", f"/debates/{debate_id}/report")
    assert report["decision"]["verdict"] == {"approve": "approved", "reject": "rejected"}[decision]


async def _asked(hall: Hall) -> Any:
    """The approval, once there is one."""
    while True:
        found = await hall.ask("GET", "/api/approvals?status=pending")
        if found["approvals"]:
            return found["approvals"][0]


async def test_tools_bring_evidence(hall: Hall) -> None:
    text = "SQLite keeps a database in one file. PostgreSQL is a server that many processes share."
    document = {"title": "databases.md", "text": text}
    await hall.ask("POST", "/api/knowledge/documents", document, 201)
    config = {"instructions": "You love SQLite files.", "tools": ["search_knowledge"]}
    await hall.ask("PATCH", "/api/agents/ada", {"config": config})
    debate = await hall.held(selected_agents=["ada", "bea"])
    report = await hall.ask("GET", f"/debates/{debate['debate_id']}/report")
    assert [(one["tool"], one["title"], one["is_known"]) for one in report["evidence"]] == [
        ("search_knowledge", "databases.md", True)
    ]
    assert "SQLite keeps a database in one file" in report["evidence"][0]["text"]


async def test_participants_may_speak_with_models_of_their_own(still_hall: Hall) -> None:
    await still_hall.ask("PATCH", "/api/agents/ada", {"config": {"model": "ollama:llama3"}})
    debate_id = await still_hall.make()
    models = {one["name"]: one["model"] for one in (await still_hall.look(debate_id))["participants"]}
    assert models == {"Ada": "ollama:llama3", "Bea": "practice:practice", "Cyn": "practice:practice"}
    await still_hall.control(debate_id, "stop")
    assert (await still_hall.ask("GET", f"/api/debates/{debate_id}/report"))["warnings"] == []


async def test_a_budget_of_tokens_pauses_the_debate(hall: Hall) -> None:
    debate_id = await hall.make({"budget": {"tokens": 10}})
    await hall.control(debate_id, "start")
    debate = await hall.until(debate_id, "paused")
    run = await hall.ask("GET", f"/api/runs/{debate['run_id']}")
    assert run["waiting_for"] == "budget"
    await hall.control(debate_id, "stop")
    spent = await hall.make({"budget": {"tokens": 10, "on_exceeded": "stop"}})
    await hall.control(spent, "start")
    (budget,) = (await hall.ask("GET", f"/api/budgets?scope_kind=debate&scope_id={spent}"))["budgets"]
    assert (budget["tokens"], budget["on_exceeded"]) == (10, "stop")
    assert (await hall.wait(spent))["status"] == "failed"
    assert (await hall.ask("GET", f"/debates/{spent}/report"))["stop_reason"] == "budget_exhausted"


async def test_lists_are_filtered_and_newest_first(still_hall: Hall) -> None:
    ids = [await still_hall.make() for _ in range(3)]
    await still_hall.control(ids[1], "start")
    found = await still_hall.ask("GET", "/api/debates?limit=2")
    assert ([one["debate_id"] for one in found["debates"]], found["total"]) == ([ids[2], ids[1]], 3)
    active = await still_hall.ask("GET", "/api/debates?status=active")
    assert [one["debate_id"] for one in active["debates"]] == [ids[1]]
    assert (await still_hall.ask("GET", f"/api/debates/{ids[0]}?with_cursor=true"))["cursor"] > 0


async def test_a_debate_goes_with_its_run(still_hall: Hall) -> None:
    debate_id = await still_hall.make()
    run_id = (await still_hall.look(debate_id))["run_id"]
    await still_hall.ask("DELETE", f"/api/runs/{run_id}?cancel=true", status=204)
    await still_hall.ask("GET", f"/api/debates/{debate_id}", status=404)
    assert await still_hall.db.read(find_debate_of, run_id) is None
