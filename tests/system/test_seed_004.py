"""Seed 004 as it is written, against a real server on port 5000; and Driver, whose server is killed at every step."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from folkmoot.kernel.json import JsonObject
from tests.core_agents.stage import RESULT, Cast
from tests.realtime.test_socketio_clients import EXAMPLE, Node, library
from tests.stubs.openai_stub import OpenAIStub, Reply
from tests.system.seeds import PORT, call, curl, served_at_5000
from tests.system.server import server

__all__ = ["library"]

COMMANDS = (
    "curl -X POST http://localhost:5000/api/init",
    """curl -X POST http://localhost:5000/api/agents/1/message \\
  -H "Content-Type: application/json" \\
  -d '{"message": "Create a Python web API"}'""",
    """curl -X POST http://localhost:5000/api/agents/task \\
  -H "Content-Type: application/json" \\
  -d '{"task": "Research Python web frameworks"}'""",
    """curl -X POST http://localhost:5000/api/agents/create \\
  -H "Content-Type: application/json" \\
  -d '{
    "role": "Python Developer",
    "capabilities": ["coding", "testing"],
    "reason": "Need to implement REST API"
  }'""",
    "curl -X POST http://localhost:5000/api/init",
    """curl -X POST http://localhost:5000/api/agents/1/message \\
  -H "Content-Type: application/json" \\
  -d '{"message": "Help me create a REST API in Python"}'""",
    """curl -X POST http://localhost:5000/api/agents/task \\
  -H "Content-Type: application/json" \\
  -d '{"task": "Research the best Python web frameworks"}'""",
    """curl -X POST http://localhost:5000/api/agents/create \\
  -H "Content-Type: application/json" \\
  -d '{
    "role": "DevOps Engineer",
    "capabilities": ["deployment", "CI/CD", "monitoring"],
    "reason": "Need to set up deployment pipeline"
  }'""",
    "curl http://localhost:5000/api/agents/1/status",
    "curl http://localhost:5000/api/agents/1/messages?limit=10",
)
"""In the order of the document."""

ANSWERED: tuple[set[str], ...] = (
    {"status", "message", "agents"},
    {"message", "response", "agent_id", "agent_name", "status"},
    {"success", "agent", "response", "workflow_id", "run_id"},
    {"success", "agent", "spec_source", "message"},
    {"status", "message", "agents"},
    {"message", "response", "agent_id", "agent_name", "status"},
    {"success", "agent", "response", "workflow_id", "run_id"},
    {"success", "agent", "spec_source", "message"},
    {"agent_id", "agent_name", "agent_type", "status", "capabilities", "task_count", "success_rate"},
    {"messages", "total", "skip", "limit"},
)

OF_AGENTS = (
    ("GET", "/agents", None, {"agents"}),
    ("GET", "/agents/1/status", None, {"agent_id", "status", "success_rate"}),
    ("POST", "/agents/1/execute", {"operation": "list", "parameters": {"limit": 3}}, {"task_id", "status", "result"}),
    ("GET", "/tasks", None, {"tasks"}),
    ("GET", "/system/status", None, {"system_status", "timestamp", "agents", "api_metrics"}),
    ("GET", "/health", None, {"status", "timestamp"}),
)
"""What seed 001 asks of agents, tasks and the system, at the paths that it gives."""


async def test_the_document(tmp_path: Path, library: Path) -> None:
    async with served_at_5000(tmp_path) as served:
        await _eight_steps(served.address)
        for command, keys in zip(COMMANDS, ANSWERED, strict=True):
            answer = await curl(command)
            assert answer.keys() >= keys, (command, answer)
        for method, path, body, keys in OF_AGENTS:
            status, answer = await call(served.address, method, path, body)
            assert status == 200, (path, answer)
            assert answer.keys() >= keys, path
        example = Node(library, "example", EXAMPLE % {"port": PORT, "number": 1, "options": ""})
        await example.start()
        said = await example.rest()
        assert said[0] == "Agent 1 is busy"
        assert said[1].startswith("Agent Driver: ")
        assert said[-1] == "Agent 1 is idle"
        assert "Traceback" not in served.log()


async def _eight_steps(address: str) -> None:
    """The test suite that the document describes, in its order."""
    status, health = await call(address, "GET", "/")
    assert status == 200, health
    _, before = await call(address, "GET", "/api/status")
    assert before == {"api": "running", "agents_initialized": False, "database": "connected"}
    status, made = await call(address, "POST", "/api/init")
    assert (status, made["status"]) == (200, "initialized")
    _, page = await call(address, "GET", "/api/agents")
    listed = [f"{one['name']} ({one['type']}) - Status: {one['status']}" for one in page["agents"]]
    assert listed == [
        "Driver (driver) - Status: idle",
        "Creator (creator) - Status: idle",
        "Generator (generator) - Status: idle",
    ]
    _, reply = await call(address, "POST", "/api/agents/1/message", {"message": "Hello"})
    assert (reply["agent_name"], bool(reply["response"])) == ("Driver", True)
    _, done = await call(address, "POST", "/api/agents/task", {"task": "Plan a small library"})
    assert (done["success"], done["agent"]) == (True, "Driver")
    _, messages = await call(address, "GET", "/api/agents/1/messages")
    assert len(messages["messages"]) == 2
    _, state = await call(address, "GET", "/api/agents/1/status")
    assert (state["agent_name"], state["status"]) == ("Driver", "idle")


ASKED = 7
"""The step that is no answer of a model: a person is asked."""


class Watched(Cast):
    """A cast that says which request has come, while its answer is still on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 0
        self.reached = asyncio.Event()

    def __call__(self, body: JsonObject) -> Reply:
        self.left -= 1
        if self.left == 0:
            self.reached.set()
        return super().__call__(body)


@pytest.mark.parametrize("step", range(1, 8))
async def test_driver_goes_on_after_a_kill_at_every_step(tmp_path: Path, step: int) -> None:
    """Before each answer of a model in turn; then while a person is asked, and once that has been answered."""
    cast = Watched()
    cast.left = step
    settings = {"DEFAULT_MODEL": "openai:stub-1", "AGENT_MAX_CONCURRENCY": "50"}
    async with (
        OpenAIStub(cast, delay_ms=150, keep_calls=False) as stub,
        server(tmp_path, OPENAI_BASE_URL=stub.base_url, **settings) as served,
    ):
        await call(served.address, "POST", "/api/init")
        asking = asyncio.ensure_future(call(served.address, "POST", "/api/agents/task", {"task": "Paint"}))
        if step == ASKED:
            status, _ = await asyncio.wait_for(asking, 30)
            assert status == 202
        else:
            helping = asyncio.ensure_future(_ended(served.address))
            await asyncio.wait_for(cast.reached.wait(), 30)
            helping.cancel()
            await asyncio.gather(helping, return_exceptions=True)
        await served.kill()
        await asyncio.gather(asking, return_exceptions=True)
        await served.start()
        run = await _ended(served.address)
        assert (run["status"], run["results"]["response"]) == ("completed", RESULT), run
        _, page = await call(served.address, "GET", "/api/runs")
        assert sorted(run["kind"] for run in page["runs"]) == ["design", "operator", "task"]
        _, agents = await call(served.address, "GET", "/api/agents?type=dynamic")
        assert agents["total"] == 1
        assert "Traceback" not in served.log()


async def _ended(address: str) -> Any:
    """Driver's run once it has; what it asks is answered."""
    async with asyncio.timeout(40):
        while True:
            _, page = await call(address, "GET", "/api/runs")
            run = next((run for run in page["runs"] if run["kind"] == "operator"), None)
            if run is not None and run["completed_at"] is not None:
                return run
            _, waiting = await call(address, "GET", "/api/approvals?status=pending")
            for asked in waiting["approvals"]:
                decision = {"decision": "approve", "feedback": "red"}
                await call(address, "POST", f"/api/approvals/{asked['id']}/resolve", decision)
            await asyncio.sleep(0.05)
