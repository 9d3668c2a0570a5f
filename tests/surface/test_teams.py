"""Teams from Python: as data, and honest about a run that waits, is paused or has ended."""

import asyncio

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

import folkmoot
from folkmoot.kernel.ids import new_id
from folkmoot.teams.provider import TeamResult
from folkmoot.teams.service import BuiltInTeam

EDITOR = folkmoot.RoleSeat(slug="editor", instructions="You see that it is answered.")
WRITER = folkmoot.RoleSeat(slug="writer", instructions="You write.")


def desk(**given: object) -> folkmoot.TeamSpec:
    return folkmoot.TeamSpec.model_validate({"slug": "desk", "lead": EDITOR, "members": [WRITER], **given})


async def test_a_team_as_data_works(app: FastAPI, client: AsyncClient) -> None:
    provider = app.state.team_provider
    result: TeamResult = await provider.run_task("Build a boat", team=desk(orchestration="handoff"))
    assert (result["status"], result["stop_reason"]) == ("completed", "delivered")
    assert result["summary"]
    assert (await client.get("/api/teams/desk")).json()["orchestration"] == "handoff"
    await provider.run_task("Build a boat", team=desk(orchestration="selector"))
    assert (await client.get("/api/teams/desk")).json()["orchestration"] == "selector"
    with pytest.raises(BuiltInTeam):
        await provider.run_task("Build a boat", team=desk(slug="mgx"))


async def test_a_run_that_waits_for_a_person_is_answered_as_it_stands(app: FastAPI, client: AsyncClient) -> None:
    provider = app.state.team_provider
    careful = desk(approval=folkmoot.Consent(plan=True))
    result: TeamResult = await provider.run_task("Build a boat", team=careful)
    assert (result["status"], result["stop_reason"], result["summary"]) == ("awaiting_approval", "person", None)
    assert "approval" in str(result["open_issues"])
    assert await provider.get_status(result["run_id"]) == result
    waits = asyncio.ensure_future(provider.wait(result["run_id"]))
    approvals = (await client.get("/api/approvals")).json()["approvals"]
    resolved = await client.post(f"/api/approvals/{approvals[0]['id']}/resolve", json={"decision": "reject"})
    assert resolved.status_code == 200, resolved.text
    ended: TeamResult = (await provider.get_status(result["run_id"])) or result
    for _ in range(20):
        if ended["status"] == "cancelled":
            break
        ended = await provider.wait(result["run_id"])
    assert (ended["status"], ended["stop_reason"], ended["open_issues"]) == ("cancelled", "plan_rejected", [])
    assert (await waits)["run_id"] == result["run_id"]


async def test_what_is_no_teams_run_has_no_status(app: FastAPI) -> None:
    assert await app.state.team_provider.get_status(new_id()) is None
    task_id = await app.state.task_runner.submit(lambda: 3)
    assert await app.state.team_provider.get_status(task_id) is None
