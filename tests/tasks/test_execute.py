"""One agent does one thing: by its class or its language model, with a result in every case."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from folkmoot.agents.base import BaseAgent
from folkmoot.agents.registry import AgentRegistry
from folkmoot.db.database import Database
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.queries import journal, run_agents
from tests.stubs.openai_stub import OpenAIStub, Reply
from tests.teams.desk import Desk, open_desk


class Adder(BaseAgent):
    """Adds numbers, and does some things badly."""

    async def on_add(self, parameters: JsonObject) -> JsonObject:
        numbers = parameters["numbers"]
        assert isinstance(numbers, list)
        return {"sum": sum(number for number in numbers if isinstance(number, int))}

    def on_count_up(self, parameters: JsonObject) -> int:
        known = self.state.get("count", 0)
        assert isinstance(known, int)
        self.state["count"] = known + 1
        return known + 1

    def on_fail(self, parameters: JsonObject) -> None:
        raise RuntimeError("no numbers today")

    def on_leak(self, parameters: JsonObject) -> object:
        return object()

    async def on_hang(self, parameters: JsonObject) -> None:
        await asyncio.Event().wait()


@pytest.fixture
async def desk(db: Database, scope: Scope) -> AsyncIterator[Desk]:
    registry = AgentRegistry()
    registry.register(Adder, "adder")
    async with open_desk(db, scope, registry=registry) as desk:
        yield desk


async def execute(desk: Desk, ref: str, operation: str, status: int = 200, **given: Any) -> dict[str, Any]:
    answer = await desk.ask("POST", f"/api/agents/{ref}/execute", {"operation": operation, **given}, status)
    result: dict[str, Any] = answer if status == 200 else answer.get("task_result", answer)
    return result


async def test_a_language_model_does_it(desk: Desk) -> None:
    ada = await desk.office.hire("Ada")
    result = await execute(desk, "ada", "summarise", parameters={"text": "All goes on"}, priority="high")
    assert (result["status"], result["error"], result["agent_used"]) == ("completed", None, ada["id"])
    assert "summarise" in result["result"]["response"]
    assert result["execution_time_seconds"] >= 0
    task = await desk.ask("GET", f"/api/tasks/{result['task_id']}")
    assert (task["status"], task["team"], task["priority"], task["name"]) == (
        "completed",
        [ada["id"]],
        "high",
        "summarise",
    )
    run = await desk.ask("GET", f"/api/runs/{result['run_id']}")
    assert (run["kind"], run["task_id"], run["run_number"], run["priority"]) == ("task", task["id"], 1, "high")
    assert run["deadline_at"] is not None
    assert (await desk.office.db.read(run_agents, run["id"]))[0].agent_id == ada["id"]
    again = await desk.ask("POST", "/api/runs?wait=20", {"task_id": task["id"]}, 202)
    assert (again["kind"], again["status"], again["run_number"]) == ("task", "completed", 2)


async def test_a_class_does_it(desk: Desk) -> None:
    made = await desk.office.make("adder", name="Sum")
    result = await execute(desk, "sum", "add", parameters={"numbers": [1, 2, 3]})
    assert (result["status"], result["result"]) == ("completed", {"sum": 6})
    assert result["agent_used"] == made["id"]
    assert [(await execute(desk, "sum", "count-up"))["result"] for _ in range(2)] == [{"value": 1}, {"value": 2}]
    assert (await desk.office.get("/api/agents/sum"))["state"] == {"count": 2}
    kinds = [entry.kind for entry in await desk.office.db.read(journal, result["run_id"])]
    assert kinds == ["begun", "intended", "done", "ended"]


async def test_an_agent_that_does_not_live_is_made_for_the_call(desk: Desk) -> None:
    made = await desk.office.make("adder", name="Sum")
    await desk.office.verb(made, "shutdown")
    assert [(await execute(desk, "sum", "count_up"))["result"] for _ in range(2)] == [{"value": 1}, {"value": 1}]


async def test_what_a_class_has_no_method_for_its_model_does(desk: Desk) -> None:
    await desk.office.make("adder", name="Sum")
    assert "response" in (await execute(desk, "sum", "multiply"))["result"]


@pytest.mark.parametrize(
    ("operation", "error"), [("fail", "on_fail: RuntimeError: no numbers today"), ("leak", "on_leak: TypeError")]
)
async def test_a_class_that_fails_is_502_with_a_result(desk: Desk, operation: str, error: str) -> None:
    await desk.office.make("adder", name="Sum")
    result = await execute(desk, "sum", operation, 502)
    assert (result["status"], result["result"]) == ("failed", None)
    assert error in result["error"]


@pytest.mark.system
async def test_what_takes_too_long_is_504_with_a_result(desk: Desk) -> None:
    await desk.office.make("adder", name="Sum")
    result = await execute(desk, "sum", "hang", 504, timeout_seconds=1)
    assert (result["status"], result["result"]) == ("timeout", None)
    assert result["error"]
    run = await desk.ask("GET", f"/api/runs/{result['run_id']}")
    assert (run["status"], run["error_code"]) == ("timeout", "timeout")


async def test_a_model_that_fails_is_502_with_a_result(db: Database, scope: Scope) -> None:
    async with (
        OpenAIStub([Reply(status=500, text="broken")]) as stub,
        open_desk(db, scope, base_url=stub.base_url) as desk,
    ):
        await desk.office.hire("Ada")
        answer = await desk.ask("POST", "/api/agents/ada/execute", {"operation": "add"}, 502)
    assert (answer["status"], answer["code"], answer["task_result"]["status"]) == (502, "operation_failed", "failed")
    assert answer["task_result"]["error"] == answer["detail"]


@pytest.mark.parametrize(
    ("ref", "body", "status"),
    [
        ("nobody", {"operation": "add"}, 404),
        ("1", {"operation": "add"}, 503),
        ("ada", {}, 422),
        ("ada", {"operation": ""}, 422),
        ("ada", {"operation": "add", "priority": "now"}, 422),
        ("ada", {"operation": "add", "timeout_seconds": 0}, 422),
        ("ada", {"operation": "add", "timeout_seconds": 3601}, 422),
        ("ada", {"operation": "add", "parameters": []}, 422),
        ("ada", {"operation": "add", "surprise": 1}, 422),
    ],
)
async def test_what_cannot_be_executed(desk: Desk, ref: str, body: JsonObject, status: int) -> None:
    await desk.office.hire("Ada")
    await desk.ask("POST", f"/api/agents/{ref}/execute", body, status)


async def test_nulls_are_defaults(desk: Desk) -> None:
    await desk.office.hire("Ada")
    result = await execute(desk, "ada", "add", priority=None, timeout_seconds=None)
    assert result["status"] == "completed"


async def test_one_key_is_one_operation(desk: Desk) -> None:
    await desk.office.make("adder", name="Sum")
    headers = {"Idempotency-Key": "k-1"}
    body: JsonObject = {"operation": "count_up"}
    client = desk.office.client
    answers = [await client.post("/api/agents/sum/execute", json=body, headers=headers) for _ in range(2)]
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert (await execute(desk, "sum", "count_up"))["result"] == {"value": 2}


async def test_an_operation_is_for_one_agent(desk: Desk) -> None:
    await desk.office.hire("Ada")
    config: JsonObject = {"operation": "add", "parameters": {"a": 1}}
    for team in ("mgx", ["ada", "ada"]):
        body: JsonObject = {"description": "x", "config": config, "team": team}  # type: ignore[dict-item]
        assert (await desk.ask("POST", "/api/tasks", body, 422))["code"] == "operation_needs_agent"
    task = await desk.ask("POST", "/api/tasks", {"description": "x", "config": config, "team": ["ada"]}, 201)
    run = await desk.ask("POST", "/api/runs?wait=20", {"task_id": task["id"]}, 202)
    assert (run["kind"], run["status"]) == ("task", "completed")
