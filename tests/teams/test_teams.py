"""Teams as data: made, changed, shown and deleted; seats nobody can take; and whole runs of each orchestration."""

from typing import Any

import pytest

from folkmoot.db.database import Database
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.queries import journal, run_agents
from folkmoot.runs.timeline_routes import router as timeline_router
from folkmoot.tasks.queries import next_run_number
from tests.databases import new_scope
from tests.teams.desk import Desk, open_desk

TEAMS = "/api/teams"
EDITOR: JsonObject = {"slug": "editor", "name": "Ed", "instructions": "You see that the question is answered."}
CHECKER: JsonObject = {"slug": "checker", "instructions": "You check each claim.", "tools": ["look_up"]}
WRITER: JsonObject = {"slug": "writer", "instructions": "You write."}
JUDGE: JsonObject = {"slug": "judge", "instructions": "You judge."}
ROLES: dict[str, Any] = {"lead": EDITOR, "members": [WRITER, CHECKER]}


async def refused(desk: Desk, body: JsonObject, status: int, code: str) -> dict[str, Any]:
    told: dict[str, Any] = await desk.ask("POST", TEAMS, {"slug": "desk", **ROLES, **body}, status)
    assert told["code"] == code
    return told


async def test_a_team_is_made_shown_changed_and_deleted(desk: Desk) -> None:
    ada = await desk.office.hire("Ada", tools=["look_up"])
    members: list[Any] = ["ada", CHECKER]
    made = await desk.team("desk", "selector", lead=EDITOR, members=members, reviewer={"person": True})
    assert made["members"][0] == {"agent": ada["id"], "title": None}
    assert made["members"][1]["slug"] == "checker"
    assert (made["orchestration"], made["reviewer"], made["name"]) == ("selector", {"person": True}, "desk")
    assert (made["limits"]["max_turns"], made["approval"], made["is_built_in"]) == (30, {"plan": False}, False)
    for ref in ("desk", made["id"], made["id"].upper()):
        assert await desk.ask("GET", f"{TEAMS}/{ref}") == made
    page = await desk.ask("GET", TEAMS)
    assert ([team["slug"] for team in page["teams"]], page["total"]) == (["mgx", "desk"], 2)
    assert made.pop("warnings") == []
    assert (await desk.ask("GET", f"{TEAMS}?skip=1&limit=5"))["teams"] == [made], "lists ask no server for its tools"
    change: JsonObject = {"reviewer": None, "limits": {"max_turns": 5}, "name": "Desk"}
    changed = await desk.ask("PATCH", f"{TEAMS}/desk", change)
    assert (changed["reviewer"], changed["limits"]["max_turns"], changed["name"]) == (None, 5, "Desk")
    assert changed["members"] == made["members"]
    await desk.ask("DELETE", f"{TEAMS}/desk", status=204)
    assert (await desk.ask("GET", f"{TEAMS}/desk", status=404))["code"] == "no_such_team"


async def test_roles_tell_of_tools_that_are_not_there(desk: Desk) -> None:
    await desk.office.hire("Ada", tools=["lok_up"])
    writer: JsonObject = {**WRITER, "tools": ["look_up", "lok_up", "files__*", "look*", "lok_up"]}
    judge: JsonObject = {**JUDGE, "tools": ["lok_up"]}
    made = await desk.team("desk", "plan", lead=EDITOR, members=["ada", writer, CHECKER], reviewer=judge)
    assert made["warnings"] == [
        {"code": "unknown_tool", "sentence": sentence, "tool": tool, "role": role}
        for role, tool, sentence in (
            ("writer", "lok_up", "There is no tool lok_up here now; it is passed over"),
            ("writer", "files__*", "No tool here has a name that begins with files__ now"),
            ("judge", "lok_up", "There is no tool lok_up here now; it is passed over"),
        )
    ], "an agent tells of its own"
    assert made["members"][1]["tools"] == writer["tools"], "it is kept as it was given"
    assert (await desk.ask("GET", f"{TEAMS}/desk"))["warnings"] == made["warnings"]
    better = await desk.ask("PATCH", f"{TEAMS}/desk", {"members": [CHECKER]})
    assert [(one["role"], one["tool"]) for one in better["warnings"]] == [("judge", "lok_up")]
    assert (await desk.ask("PATCH", f"{TEAMS}/desk", {"reviewer": None}))["warnings"] == []
    assert (await desk.ask("GET", f"{TEAMS}/mgx"))["warnings"] == []


async def test_the_built_in_team_stays_as_it_is(desk: Desk) -> None:
    shown = await desk.ask("GET", f"{TEAMS}/mgx")
    assert (shown["id"], shown["is_built_in"], shown["lead"]["name"]) == (None, True, "Mike")
    assert [member["name"] for member in shown["members"]] == ["Alex", "Bob"]
    await refused(desk, {"slug": "mgx"}, 409, "built_in_team")
    for method, body in (("PATCH", {"name": "Mine"}), ("DELETE", None)):
        told = await desk.ask(method, f"{TEAMS}/mgx", body, 409)  # type: ignore[arg-type]
        assert told["code"] == "built_in_team"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"slug": "Desk"}, 422, "invalid"),
        ({"slug": "01a1fdeb-4f25-7a67-9d73-cb2475345e05"}, 422, "invalid"),
        ({"members": []}, 422, "invalid"),
        ({"members": [WRITER, {**WRITER, "instructions": "Else"}]}, 422, "invalid"),
        ({"members": [WRITER, WRITER]}, 422, "unusable_team"),
        ({"members": [{"slug": "person", "instructions": "x"}]}, 422, "invalid"),
        ({"members": [{**WRITER, "surprise": 1}]}, 422, "invalid"),
        ({"members": ["nobody"]}, 404, "no_such_agent"),
        ({"lead": {"agent": new_id()}}, 404, "no_such_agent"),
        ({"reviewer": {"person": False}}, 422, "invalid"),
        ({"members": [{**WRITER, "model": "nowhere:gpt"}]}, 422, "unknown_model"),
        ({"orchestration": "anarchy"}, 422, "invalid"),
        ({"orchestration": "handoff", "approval": {"plan": True}}, 422, "invalid"),
        ({"limits": {"max_turns": 0}}, 422, "invalid"),
        ({"slug": "ad-hoc"}, 409, "built_in_team"),
    ],
)
async def test_what_a_team_may_not_be(desk: Desk, body: JsonObject, status: int, code: str) -> None:
    await refused(desk, body, status, code)


async def test_slugs_are_given_once_per_workspace(desk: Desk, db: Database) -> None:
    await desk.team("desk", "plan", **ROLES)
    await refused(desk, {}, 409, "team_slug_taken")
    async with open_desk(db, await db.write(new_scope)) as other:
        assert (await other.ask("GET", f"{TEAMS}/desk", status=404))["code"] == "no_such_team"
        await other.team("desk", "plan", **ROLES)


async def test_a_change_that_makes_no_team_is_refused_whole(desk: Desk) -> None:
    made = await desk.team("desk", "plan", **ROLES, approval={"plan": True})
    told = await desk.ask("PATCH", f"{TEAMS}/desk", {"orchestration": "selector"}, 422)
    assert told["code"] == "unusable_team"
    assert await desk.ask("GET", f"{TEAMS}/desk") == made


@pytest.mark.parametrize("orchestration", ["plan", "round_robin", "selector", "handoff", "supervisor"])
async def test_the_practice_model_plays_every_orchestration(desk: Desk, orchestration: str) -> None:
    ada = await desk.office.hire("Ada", instructions="You are Ada.", tools=["look_up"])
    await desk.team("desk", orchestration, lead=EDITOR, members=[ada["id"], WRITER], reviewer=JUDGE)
    run = await desk.work("desk", config={"documents": [await desk.document()]})
    assert (run["status"], run["stop_reason"], run["error_message"]) == ("completed", "approved", None)
    assert run["results"]["artifacts"]
    agents = await desk.office.db.read(run_agents, run["id"])
    taking_part = [] if orchestration == "supervisor" else [(ada["id"], "ada")]
    assert [(row.agent_id, row.role) for row in agents] == taking_part
    status = await desk.ask("GET", f"/api/agents/{ada['id']}/status")
    assert status["task_count"] >= 1
    entries = await desk.office.db.read(journal, run["id"])
    if orchestration == "plan":
        assert run["plan"]["steps"]
        return
    spoke = run["results"]["order"]
    assert (
        spoke[:3]
        == {
            "round_robin": ["editor", "ada", "writer"],
            "selector": ["ada", "writer"],
            "handoff": ["editor", "ada", "writer"],
            "supervisor": ["editor"],
        }[orchestration]
    )
    assert sum(entry.kind == "waiting" for entry in entries) == (2 if orchestration == "supervisor" else 0)
    assert run["round_count"] >= 1


async def test_delegated_work_is_a_run_of_its_own(desk: Desk) -> None:
    ada = await desk.office.hire("Ada", instructions="You are Ada.")
    await desk.team("desk", "supervisor", lead=EDITOR, members=[ada["id"], WRITER])
    run = await desk.work("desk")
    assert run["status"] == "completed"
    children = (await desk.ask("GET", "/api/runs?kind=task"))["runs"]
    assert {child["parent_run_id"] for child in children} == {run["id"]}
    assert {child["status"] for child in children} == {"completed"}
    assert all("response" in child["results"] for child in children)
    status = await desk.ask("GET", f"/api/agents/{ada['id']}/status")
    assert (status["task_count"], status["success_count"], status["status"]) == (1, 1, "active")


async def test_a_run_keeps_the_team_it_began_with(desk: Desk) -> None:
    await desk.team("desk", "handoff", **ROLES)
    run = await desk.work("desk")
    await desk.ask("DELETE", f"{TEAMS}/desk", status=204)
    (begun, *_) = await desk.office.db.read(journal, run["id"])
    given: Any = begun.data["input"]
    assert [member["slug"] for member in given["team"]["members"]] == ["writer", "checker"]
    told = await desk.ask("POST", "/api/runs", {"task_id": run["task_id"]}, 404)
    assert told["code"] == "no_such_team"


async def test_agents_work_together_for_one_task(desk: Desk) -> None:
    names = [(await desk.office.hire(name))["slug"] for name in ("Ada", "Grace")]
    run = await desk.work(names)
    assert (run["status"], run["stop_reason"]) == ("completed", "delivered")
    task = await desk.ask("GET", f"/api/tasks/{run['task_id']}")
    assert task["team"] == names
    changed = await desk.ask("PATCH", f"/api/tasks/{run['task_id']}", {"team": "mgx"})
    assert changed["team"] == "mgx"
    told = await desk.ask("POST", "/api/tasks", {"description": "x", "team": ["nobody"]}, 404)
    assert told["code"] == "no_such_agent"
    told = await desk.ask("POST", "/api/tasks", {"description": "x", "team": ["ada", "ada"]}, 422)
    assert told["code"] == "unusable_team"


async def test_limits_of_task_and_team_are_both_kept(desk: Desk) -> None:
    await desk.team("desk", "round_robin", **ROLES, limits={"max_rounds": 2, "step_timeout_seconds": 50})
    run = await desk.work("desk", max_rounds=7, max_revision_rounds=1, config={"step_timeout_seconds": 20})
    (begun, *_) = await desk.office.db.read(journal, run["id"])
    given: Any = begun.data["input"]
    assert (given["max_rounds"], given["max_revision_rounds"]) == (2, 1)
    assert given["team"]["limits"]["step_timeout_seconds"] == 20


async def test_only_a_plan_can_be_approved(desk: Desk) -> None:
    await desk.team("desk", "handoff", **ROLES)
    body: JsonObject = {"description": "x", "team": "desk", "config": {"plan_approval": True}}
    assert (await desk.ask("POST", "/api/tasks", body, 422))["code"] == "no_plan_to_approve"


async def test_a_run_that_waits_for_a_person_says_so(desk: Desk, scope: Scope) -> None:
    task = await desk.ask("POST", "/api/tasks", {"description": "Build a boat"}, 201)
    wanted: JsonObject = {"task_id": task["id"], "plan_approval": True}
    run = await desk.ask("POST", "/api/runs?wait=0.3", wanted, 202)
    for _ in range(50):
        if run["status"] == "awaiting_approval":
            break
        run = await desk.ask("GET", f"/api/runs/{run['id']}/wait?timeout=0.1")
    assert (run["status"], run["waiting_for"]) == ("awaiting_approval", "person")
    assert run["plan"]["steps"]


async def test_a_run_is_forked_with_another_input_and_retried(desk: Desk) -> None:
    desk.office.app.include_router(timeline_router)
    desk.office.app.state.run_number = next_run_number
    run = await desk.work("mgx", description="Build a boat")
    wanted: JsonObject = {"after_seq": 1, "input": {"description": "Build a ship", "max_rounds": 1}}
    forked = await desk.ask("POST", f"/api/runs/{run['id']}/fork", wanted, 202)
    forked = await desk.ask("GET", f"/api/runs/{forked['id']}/wait?timeout=20")
    assert forked["status"] == "completed"
    (begun, *_) = await desk.office.db.read(journal, forked["id"])
    given: Any = begun.data["input"]
    assert (given["description"], given["max_rounds"], given["name"]) == ("Build a ship", 1, "Build a boat")
    await desk.ask("POST", f"/api/runs/{run['id']}/fork", {"after_seq": 1, "input": {"team": "mgx"}}, 422)
