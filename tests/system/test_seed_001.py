"""Seed 001 as it is written: every endpoint in the document's order, with its bodies, and both of its sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import aiohttp
from pydantic import BaseModel

from tests.stubs.ollama_stub import MODEL, OllamaStub
from tests.stubs.stub import Reply
from tests.system.jury import MODEL as DEBATERS
from tests.system.jury import Hall, Jury
from tests.system.seeds import call, served_at_5000
from tests.system.server import Api

FIGURES = {
    *("total_requests", "avg_response_time", "error_count", "uptime_seconds", "peak_concurrent_connections"),
    "current_connections",
}
NOBODY = "01a1fdeb-0000-7000-8000-000000000000"


class AgentStatusResponse(BaseModel):
    """In the document's words, as are the others."""

    agent_id: str
    agent_type: str
    status: str
    capabilities: list[str]
    task_count: int
    success_count: int
    error_count: int
    success_rate: float
    avg_task_duration: float | None
    created_at: str
    last_active_at: str | None


class TaskResult(BaseModel):
    task_id: str
    status: Literal["completed", "failed", "timeout"]
    result: dict[str, Any] | None = None
    error: str | None = None
    agent_used: str | None = None
    timestamp: str
    execution_time_seconds: float | None = None


class SystemStatusResponse(BaseModel):
    """The document's api_metrics are whole numbers, and their average is none: the code beside it says so too."""

    system_status: str
    timestamp: str
    agents: dict[str, dict[str, Any]]
    api_metrics: dict[str, float]


class Document:
    """One client that goes through it."""

    def __init__(self, address: str, jury: Jury, told: "Listener") -> None:
        self.address, self.jury, self.told = address, jury, told
        self.agents: list[str] = []

    async def ask(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        found, answer = await call(self.address, method, path, body)
        assert found == status, (method, path, found, answer)
        return answer

    async def is_unknown(self, method: str, path: str, what: str, body: object = None) -> None:
        """What the document answers of things that are not there, and its keys of an error."""
        answer = await self.ask(method, path, body, 404)
        assert answer["detail"] == answer["error"] == f"{what} not found"
        datetime.fromisoformat(answer["timestamp"])

    async def agent_management(self) -> None:
        listed = (await self.ask("GET", "/agents"))["agents"]
        assert [agent["name"] for agent in listed] == ["Ada", "Bea", "Cyn", "Dov", "Eli"]
        assert {agent["status"] for agent in listed} == {"active"}
        self.agents = [agent["id"] for agent in listed]
        first = self.agents[0]
        status = AgentStatusResponse.model_validate(await self.ask("GET", f"/agents/{first}/status"))
        assert (status.agent_id, status.task_count, status.success_rate) == (first, 0, 0.0)
        await self.is_unknown("GET", f"/agents/{NOBODY}/status", "Agent")
        whole = {"operation": "summarise", "parameters": {"n": 3}, "priority": "urgent", "timeout_seconds": 60}
        for body in ({"operation": "summarise"}, whole):
            done = TaskResult.model_validate(await self.ask("POST", f"/agents/{first}/execute", body))
            assert (done.status, done.error, done.agent_used) == ("completed", None, first)
            assert done.result
        for wrong in ({"priority": "higher"}, {"timeout_seconds": 0}, {"timeout_seconds": 3601}, {"operation": None}):
            await self.ask("POST", f"/agents/{first}/execute", {"operation": "summarise", **wrong}, 422)
        await self.is_unknown("POST", f"/agents/{NOBODY}/execute", "Agent", {"operation": "summarise"})
        status = AgentStatusResponse.model_validate(await self.ask("GET", f"/agents/{first}/status"))
        assert (status.task_count, status.success_count, status.success_rate) == (2, 2, 1.0)
        assert status.last_active_at is not None

    async def task_management(self) -> None:
        tasks = (await self.ask("GET", "/tasks"))["tasks"]
        assert [task["status"] for task in tasks] == ["completed", "completed"]
        assert len((await self.ask("GET", "/tasks?status=completed&limit=1"))["tasks"]) == 1
        assert (await self.ask("GET", "/tasks?status=failed"))["tasks"] == []
        task = await self.ask("GET", f"/tasks/{tasks[0]['id']}")
        assert (task["id"], task["status"]) == (tasks[0]["id"], "completed")
        await self.is_unknown("GET", f"/tasks/{NOBODY}", "Task")

    async def ollama(self) -> None:
        answer = await self.ask("POST", "/ollama/chat", {"model": MODEL, "message": "Hello"})
        assert (answer["model"], answer["message"], answer["response"]) == (MODEL, "Hello", "Good day.")
        assert (answer["agent_id"], answer["conversation_id"]) == (None, None)
        body = {
            "model": MODEL,
            "message": "Hello again",
            "agent_id": self.agents[0],
            "conversation_history": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."}],
            "temperature": 0.2,
            "max_tokens": 256,
        }
        kept = await self.ask("POST", "/ollama/chat", body)
        assert (kept["agent_id"], bool(kept["conversation_id"])) == (self.agents[0], True)
        for wrong in ({"temperature": 2.1}, {"max_tokens": 8193}, {"message": None}):
            await self.ask("POST", "/ollama/chat", {**body, **wrong}, 422)
        await self.ask("POST", "/ollama/chat", {"model": "no-such", "message": "Hello"}, 404)
        models = await self.ask("GET", "/ollama/models")
        assert MODEL in {model["name"] for model in models["models"]}

    async def debate(self) -> str:
        """Started, paused within a turn, resumed, and to its end; its id."""
        given = {
            "debate_topic": "Which one?",
            "problem_statement": "One of them it has to be.",
            "debate_mode": "structured",
            "max_rounds": 2,
            "max_iterations_per_round": 1,
            "consensus_threshold": 1.0,
            "time_limit_per_argument": 60,
            "selected_agents": self.agents[1:4],
            "debate_rules": {},
        }
        made = await self.ask("POST", "/debate/initialize", given)
        assert made["status"] == "initialized"
        id = str(made["debate_id"])
        for wrong in (
            {"debate_mode": "loud"},
            {"max_rounds": 21},
            {"max_iterations_per_round": 0},
            {"consensus_threshold": 1.1},
            {"time_limit_per_argument": 9},
            {"selected_agents": None},
        ):
            await self.ask("POST", "/debate/initialize", {**given, **wrong}, 422)
        assert (await self.ask("GET", f"/debates/{id}"))["status"] == "initialized"
        self.jury.hold(1)
        assert (await self.control(id, "start"))["status"] == "active"
        await self.jury.reached()
        assert (await self.control(id, "pause"))["debate_id"] == id
        self.jury.go_on()
        await self.told.until("debate_paused")
        assert (await self.ask("GET", f"/debates/{id}"))["status"] == "paused"
        assert (await self.control(id, "resume"))["status"] == "active"
        await self.told.until("debate_completed")
        whole = await self.ask("GET", f"/debates/{id}")
        assert (whole["status"], whole["config"]["debate_topic"]) == ("completed", given["debate_topic"])
        assert whole["total_arguments"] > 3
        assert {one["agent_id"] for one in whole["participants"]} == {*self.agents[1:4]}
        return id

    async def debate_of_defaults(self) -> str:
        """With no more than the document requires; stopped while somebody speaks. Its id."""
        least = {"debate_topic": "Tea?", "problem_statement": "Or not?", "selected_agents": self.agents[1:3]}
        made = await self.ask("POST", "/debate/initialize", least)
        id = str(made["debate_id"])
        config = (await self.ask("GET", f"/debates/{id}"))["config"]
        defaults = {
            "debate_mode": "autonomous",
            "max_rounds": 5,
            "max_iterations_per_round": 3,
            "consensus_threshold": 0.8,
            "time_limit_per_argument": 60,
        }
        assert config.items() >= defaults.items()
        self.jury.hold(1)
        await self.control(id, "start")
        await self.jury.reached()
        assert (await self.control(id, "stop"))["status"] == "stopped"
        self.jury.go_on()
        await self.ask("POST", f"/debate/{id}/control", {"action": "start"}, 409)
        await self.ask("POST", f"/debate/{id}/control", {"action": "shout"}, 422)
        await self.is_unknown("POST", f"/debate/{NOBODY}/control", "Debate", {"action": "start"})
        await self.is_unknown("GET", f"/debates/{NOBODY}", "Debate")
        return id

    async def control(self, id: str, action: str) -> Any:
        return await self.ask("POST", f"/debate/{id}/control", {"action": action})

    async def system(self) -> None:
        status = SystemStatusResponse.model_validate(await self.ask("GET", "/system/status"))
        assert status.system_status == "operational"
        datetime.fromisoformat(status.timestamp)
        assert {*self.agents} == {*status.agents}
        for shown in status.agents.values():
            AgentStatusResponse.model_validate(shown)
        assert {*status.api_metrics} == FIGURES
        assert status.api_metrics["total_requests"] > 20
        assert status.api_metrics["error_count"] == 0
        assert status.api_metrics["peak_concurrent_connections"] >= 3, "both sockets are open, and this request"
        health = await self.ask("GET", "/health")
        assert health["status"] == "healthy"
        datetime.fromisoformat(health["timestamp"])


class Listener:
    """A socket whose frames are kept, and waited for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.frames: list[dict[str, Any]] = []

    async def until(self, kind: str, member: str = "event_type") -> dict[str, Any]:
        """The next frame of this kind; those before it are kept too. What comes every 30 s may take so long."""
        async with asyncio.timeout(60):
            while True:
                self.frames.append(await self._socket.receive_json())
                if self.frames[-1].get(member) == kind:
                    return self.frames[-1]

    def types(self, **about: str) -> list[str]:
        shown = (frame for frame in self.frames if frame.items() >= about.items())
        return [str(frame.get("event_type")) for frame in shown]


@asynccontextmanager
async def _listening(http: aiohttp.ClientSession, path: str) -> AsyncIterator[Listener]:
    async with http.ws_connect(path) as socket:
        await socket.send_str("whatever a client says here is not heeded")
        yield Listener(socket)


async def test_the_document(tmp_path: Path) -> None:
    async with (
        Jury() as jury,
        OllamaStub([Reply(text="Good day.")]) as ollama,
        served_at_5000(tmp_path, OPENAI_BASE_URL=jury.base_url, OLLAMA_HOST=ollama.address) as served,
        aiohttp.ClientSession(served.address) as http,
        aiohttp.ClientSession() as other,
    ):
        await Hall(Api(served, other)).furnish()
        await _have_them_debate(served.address)
        async with (
            _listening(http, "/ws/agent-updates") as of_agents,
            _listening(http, "/ws/debate-updates") as debates,
        ):
            first = await of_agents.until("system_status")
            assert of_agents.frames == [first]
            SystemStatusResponse.model_validate(first["data"])
            document = Document(served.address, jury, debates)
            await document.agent_management()
            await document.task_management()
            await document.ollama()
            whole, stopped = await document.debate(), await document.debate_of_defaults()
            await document.system()
            await _what_the_sockets_told(of_agents, debates, whole, stopped)
        async with http.get("/health") as health:
            assert "X-Response-Time" in health.headers
        assert "Traceback" not in served.log()


async def _have_them_debate(address: str) -> None:
    """By the scripted model; all else is the practice model's."""
    _, page = await call(address, "GET", "/agents")
    for agent in page["agents"][1:]:
        status, _ = await call(address, "PATCH", f"/agents/{agent['id']}", {"config": {"model": DEBATERS}})
        assert status == 200


async def _what_the_sockets_told(of_agents: Listener, debates: Listener, whole: str, stopped: str) -> None:
    """The one all that happened and how things stand every 30 s, the other debates alone and that it lives."""
    assert await debates.until("heartbeat", "type") == {"type": "heartbeat"}
    told = debates.types(debate_id=whole)
    steps = ("debate_started", "debate_paused", "debate_resumed")
    assert [one for one in told if one in steps] == [*steps]
    assert told.count("argument_made") > 3
    assert told.count("round_completed") == 2
    assert told[-1] == "debate_completed"
    assert "debate_stopped" in debates.types(debate_id=stopped)
    again = await of_agents.until("status_update")
    assert SystemStatusResponse.model_validate(again["data"]).system_status == "operational"
    assert "task_completed" in of_agents.types()
