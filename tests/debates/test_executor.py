"""Debates with a model server that says anything: they end, with what nobody could read recorded as abstentions."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from folkmoot.kernel.json import JsonObject
from tests.databases import new_scope
from tests.debates.hall import OPTIONS, Hall
from tests.serving import client_of, running, settings_for
from tests.stubs.openai_stub import OpenAIStub, Reply

Script = Callable[[JsonObject], Reply]


@asynccontextmanager
async def hall_with(script: Script, database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Hall, OpenAIStub]]:
    async with OpenAIStub(script) as stub:
        settings = settings_for(database_url, tmp_path).model_copy(
            update={
                "default_model": "openai:stub-1",
                "openai_api_key": SecretStr("sk-test"),
                "openai_base_url": stub.base_url,
            }
        )
        async with running(settings) as app, client_of(app) as client:
            yield await Hall(app, client, await app.state.runtime.db.write(new_scope)).furnish(), stub


def properties_of(body: JsonObject) -> dict[str, Any]:
    """Of the form that is asked for."""
    found: Any = body["response_format"]
    properties: dict[str, Any] = found["json_schema"]["schema"]["properties"]
    return properties


def answer(body: JsonObject, position: str = OPTIONS[0], **more: object) -> Reply:
    """One that fits whatever is asked."""
    asked = properties_of(body)
    if "next_alias" in asked:
        return Reply(text=json.dumps({"next_alias": asked["next_alias"]["enum"][0], "question": "Why?"}))
    filled: dict[str, object] = {"position": position, "confidence": 0.8}
    if "text" in asked:
        filled |= {"text": "Because.", "pass": False}
    if "reason" in asked:
        filled |= {"reason": "It was argued best."}
    return Reply(text=json.dumps({**filled, **more}))


def who(body: JsonObject) -> str:
    """Whose instructions are in the prompt."""
    said = json.dumps(body["messages"])
    return "Bea" if "PostgreSQL servers." in said else "Cyn" if "files too." in said else "Ada"


def of_two_minds(body: JsonObject) -> Reply:
    return answer(body, OPTIONS[1] if who(body) == "Bea" else OPTIONS[0])


WRONG: dict[str, Callable[[JsonObject], Reply]] = {
    "absurd": lambda body: answer(body, confidence=871),
    "elsewhere": lambda body: answer(body, "Oracle"),
    "truncated": lambda body: Reply(text='{"text": "Bec', finish="length"),
    "prose": lambda _: Reply(text="I am not approved to answer that."),
    "empty": lambda _: Reply(text=""),
    "failing": lambda _: Reply(status=400, text="no"),
}


SLOW = ("empty",)  # asked again after a while


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.system] if kind in SLOW else []) for kind in WRONG]
)
async def test_what_nobody_can_read_is_an_abstention(kind: str, database_url: str, tmp_path: Path) -> None:
    def script(body: JsonObject) -> Reply:
        return WRONG[kind](body) if who(body) == "Bea" else of_two_minds(body)

    async with hall_with(script, database_url, tmp_path) as (hall, _):
        debate = await hall.held()
        assert debate["status"] == "completed"
        report = await hall.ask("GET", f"/debates/{debate['debate_id']}/report")
    silent = next(one for one in report["participants"] if one["name"] == "Bea")
    assert (silent["abstentions"], silent["final_position"], silent["is_active"]) == (4, None, True)
    said = [one for one in report["transcript"] if one["name"] == "Bea"]
    assert {one["outcome"] for one in said} == {"abstained"}
    assert all(one["detail"] for one in said)
    assert report["rounds"][-1]["consensus_score"] == pytest.approx(2 / 3, abs=1e-6)
    assert report["votes"]["final"]["votes"] == {OPTIONS[0]: 2}


async def test_a_first_answer_that_does_not_fit_is_mended(database_url: str, tmp_path: Path) -> None:
    def script(body: JsonObject) -> Reply:
        is_again = "That does not fit" in json.dumps(body["messages"])
        return of_two_minds(body) if is_again else answer(body, confidence=80)

    async with hall_with(script, database_url, tmp_path) as (hall, stub):
        debate = await hall.held(max_rounds=1)
        report = await hall.ask("GET", f"/debates/{debate['debate_id']}/report")
    assert [one["abstentions"] for one in report["participants"]] == [0, 0, 0]
    assert len(stub.calls) == 12
    assert "confidence" in json.dumps(stub.calls[1]["messages"])


async def test_everybody_unreadable_decides_nothing(database_url: str, tmp_path: Path) -> None:
    async with hall_with(WRONG["prose"], database_url, tmp_path) as (hall, _):
        debate = await hall.held()
        assert (debate["status"], debate["consensus_score"]) == ("completed", 0)
        report = await hall.ask("GET", f"/debates/{debate['debate_id']}/report")
    assert (report["decision"]["type"], report["decision"]["winner"]) == ("inconclusive", None)
    assert report["stop_reason"] == "max_rounds"


async def test_a_moderator_and_a_judge_are_agents_too(database_url: str, tmp_path: Path) -> None:
    async with hall_with(of_two_minds, database_url, tmp_path) as (hall, stub):
        for name in ("Max", "Jo"):
            await hall.ask("POST", "/api/agents", {"definition_slug": "assistant", "name": name}, 201)
        rules: dict[str, object] = {"moderator_agent_id": "max", "judge_agent_id": "jo", "decision": "judge"}
        debate_id = await hall.make(rules, debate_mode="autonomous")
        await hall.control(debate_id, "start")
        debate = await hall.wait(debate_id)
        report = await hall.ask("GET", f"/debates/{debate_id}/report")
        run = await hall.ask("GET", f"/api/runs/{debate['run_id']}/logs?limit=200")
    assert report["decision"]["judge"] == {"confidence": 0.8, "reason": "It was argued best."}
    assert [one["round"] for one in report["transcript"]] == [1, 1, 1, 2, 2, 2]
    prompts = [json.dumps(body["messages"]) for body in stub.calls]
    assert sum("You moderate this debate" in prompt for prompt in prompts) == 3
    assert sum("The moderator asks you: Why?" in prompt for prompt in prompts) == 3
    assert sum("You judge this debate" in prompt for prompt in prompts) == 1
    assert any("r2.m1" in line["message"] for line in run["logs"])


async def test_nobody_is_told_who_the_others_are(database_url: str, tmp_path: Path) -> None:
    async with hall_with(of_two_minds, database_url, tmp_path) as (hall, stub):
        await hall.held()
    for body in stub.calls:
        said = json.dumps(body["messages"])
        assert not any(name in said for name in ("Ada", "Bea", "Cyn"))
        assert "80%" not in said


async def test_an_agent_in_a_debate_is_not_deleted_before_its_end(database_url: str, tmp_path: Path) -> None:
    async with hall_with(of_two_minds, database_url, tmp_path) as (hall, _):
        debate_id = await hall.make()
        run_id = (await hall.look(debate_id))["run_id"]
        await hall.ask("DELETE", "/api/agents/cyn", status=409)
        await hall.control(debate_id, "stop")
        await hall.ask("DELETE", "/api/agents/cyn", status=204)
        report = await hall.ask("GET", f"/debates/{debate_id}/report")
        assert (await hall.ask("GET", f"/api/runs/{run_id}"))["status"] == "cancelled"
    assert "Cyn" in [one["name"] for one in report["participants"]]
