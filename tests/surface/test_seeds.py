"""The examples people know work as they are written, but for the package's name."""

import asyncio
import textwrap
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

import folkmoot
from folkmoot import AgentDefinition, AgentInstance, AgentRegistry, AgentStatus, BaseAgent, SharedContextService
from folkmoot.db.database import Database
from folkmoot.db.sessions import Session
from folkmoot.kernel.scope import Scope
from tests.agents.office import Office, open_office
from tests.databases import new_scope

TEAM = """
from backend.services import get_team_provider

@app.post("/execute-task")
async def execute_task(task: str):
    provider = get_team_provider()
    result = await provider.run_task(task)
    return result
"""
RUNNER = """
from backend.services import get_task_runner

@app.post("/background-task")
async def submit_background_task(task: str):
    runner = get_task_runner()
    task_id = await runner.submit(some_async_func(), name=task)
    return {"task_id": task_id}

@app.get("/background-task/{task_id}/status")
async def get_task_status(task_id: str):
    runner = get_task_runner()
    status = await runner.get_status(task_id)
    return status
"""
CUSTOM_AGENT = """
from backend.services import BaseAgent

class MyCustomAgent(BaseAgent):
    async def initialize(self):
        await super().initialize()
        # Setup resources

    async def activate(self):
        await super().activate()
        # Start processing

    async def deactivate(self):
        await super().deactivate()
        # Pause processing

    async def shutdown(self):
        await super().shutdown()
        # Cleanup

# Register in your module (loaded via AGENT_REGISTRY_MODULES)
def load_agents(registry: AgentRegistry):
    registry.register(MyCustomAgent, "my_agent", "My custom agent")
"""
ROUTER = """
from fastapi import Request

@app.post("/agents/{instance_id}/context")
async def write_context(instance_id: str, data: dict, request: Request):
    service = request.app.state.context_service
    context = await service.get_or_create_context(
        session, instance_id, "shared", workspace_id, project_id
    )
    version = await service.write_context(
        session, context.id, data, "Updated by API"
    )
    return {"version": version}
"""
# The original has its dependency call itself; it is given the name it is imported by.
DEPENDENCY = """
from fastapi import Depends

@app.post("/tasks-by-dependency")
async def create_task(task: str, provider: MGXTeamProvider = Depends(get_team_provider)):
    result = await provider.run_task(task)
    return result
"""
BUILDER = """
# myapp/agents/builders.py
from backend.services import BaseAgent, AgentRegistry

class BuilderAgent(BaseAgent):
    async def initialize(self):
        await super().initialize()
        # Setup code here

    async def activate(self):
        await super().activate()
        # Start processing

# Module initialization (called via AGENT_REGISTRY_MODULES)
_registry = None

def register_agents(registry: AgentRegistry):
    registry.register(BuilderAgent, "builder", "Code builder agent")
"""
REGISTRY = """
# Register a custom agent
registry.register(MyAgent, "my_agent", "Description")

# Get registered definitions
definitions = await registry.load_definitions(session)

# Spawn instance
agent = await registry.spawn_instance(definition, instance_db)

# Update status
await registry.update_instance_status(session, instance_id, AgentStatus.ACTIVE)
"""
CONTEXT = """
# Create or get context
context = await service.get_or_create_context(
    session, instance_id, "shared_context", workspace_id, project_id
)

# Write context data (creates new version)
version = await service.write_context(
    session, context.id, {"key": "value"}, "Updated via API"
)

# Read context at specific version
data = await service.read_context(session, context.id, version=5)

# Rollback to previous version
await service.rollback_to_version(session, context.id, target_version=3)

# List version history
versions = await service.list_versions(session, context.id)
"""
PROCESSOR = """
processor = get_task_processor()

# Start processor
processor.start()

# Submit task
task_id = processor.submit_task(
    task_id="process_message",
    func=agent.send_message,
    args=("Hello",),
    callback=lambda result: print(result)
)

# Check status
status = processor.get_task_status(task_id)
"""


def run(example: str, **known: object) -> dict[str, Any]:
    """Everything the example knows after it was run."""
    exec(compile(example.replace("backend.services", "folkmoot"), "example", "exec"), known)
    return known


async def run_awaiting(example: str, **known: object) -> dict[str, Any]:
    """As `run`, of statements that await."""
    body = textwrap.indent(f"{example}\nreturn locals()", "    ")
    found: dict[str, Any] = await run(f"async def example():\n{body}", **known)["example"]()
    return found


@pytest.fixture
async def here(app: FastAPI) -> Scope:
    scope = await app.state.runtime.db.write(new_scope)
    assert isinstance(scope, Scope)
    return scope


async def hire(client: AsyncClient, scope: Scope, slug: str) -> dict[str, Any]:
    headers = {"X-Workspace-Id": scope.workspace_id}
    answer = await client.post("/api/agents", json={"definition_slug": slug, "activate": False}, headers=headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_team_in_a_route(app: FastAPI, client: AsyncClient) -> None:
    run(TEAM, app=app)
    answer = await client.post("/execute-task", params={"task": "Build a boat"})
    assert answer.status_code == 200, answer.text
    result = answer.json()
    assert set(result) == {"run_id", "status", "summary", "deliverables", "open_issues", "stop_reason"}
    assert (result["status"], result["stop_reason"]) == ("completed", "approved")
    assert (await client.get(f"/api/runs/{result['run_id']}")).json()["results"]["summary"] == result["summary"]


async def test_a_team_by_dependency(app: FastAPI, client: AsyncClient) -> None:
    run(DEPENDENCY, app=app, MGXTeamProvider=folkmoot.MGXTeamProvider, get_team_provider=folkmoot.get_team_provider)
    answer = await client.post("/tasks-by-dependency", params={"task": "Build a boat"})
    assert answer.json()["status"] == "completed", answer.text


async def test_a_background_task_in_a_route(app: FastAPI, client: AsyncClient) -> None:
    goes_on = asyncio.Event()

    async def some_async_func() -> dict[str, int]:
        await goes_on.wait()
        return {"boats": 1}

    run(RUNNER, app=app, some_async_func=some_async_func)
    task_id = (await client.post("/background-task", params={"task": "count boats"})).json()["task_id"]
    path = f"/background-task/{task_id}/status"
    status = (await client.get(path)).json()
    assert (status["task_id"], status["name"], status["status"]) == (task_id, "count boats", "running")
    goes_on.set()
    await ended(app, task_id)
    status = (await client.get(path)).json()
    assert (status["status"], status["result"], status["error"]) == ("completed", {"boats": 1}, None)
    assert status["created_at"] <= status["finished_at"]


async def ended(app: FastAPI, run_id: str) -> None:
    await app.state.engine.wait(await app.state.workspaces.find(), run_id, 20)


async def test_the_context_service_in_a_route(app: FastAPI, client: AsyncClient, here: Scope) -> None:
    made = await hire(client, here, "assistant")
    async with app.state.sessions() as session:
        names = {"session": session, "workspace_id": here.workspace_id, "project_id": here.project_id}
        run(ROUTER, app=app, **names)
        for version in (1, 2):
            answer = await client.post(f"/agents/{made['id']}/context", json={"n": version})
            assert answer.json() == {"version": version}, answer.text


@pytest.mark.parametrize(("example", "loader"), [(CUSTOM_AGENT, "load_agents"), (BUILDER, "register_agents")])
async def test_a_class_of_agents(db: Database, scope: Scope, example: str, loader: str) -> None:
    registry = AgentRegistry()
    run(example, AgentRegistry=AgentRegistry)[loader](registry)
    [slug] = registry.slugs()
    async with open_office(db, scope, registry=registry) as office:
        await live(office, slug)


async def live(office: Office, slug: str) -> None:
    made = await office.make(slug)
    assert made["status"] == "active", made
    for verb, status in (("deactivate", "idle"), ("activate", "active"), ("shutdown", "offline")):
        assert (await office.verb(made, verb))[1]["status"] == status


async def test_the_registry(app: FastAPI, client: AsyncClient, here: Scope) -> None:
    class MyAgent(BaseAgent):
        capabilities = ("mine",)

    registry: AgentRegistry = app.state.agent_registry
    made = await hire(client, here, "assistant")
    async with app.state.sessions() as session:
        definition, instance = await rows(registry, session, here, made)
        found = await run_awaiting(
            REGISTRY,
            registry=registry,
            MyAgent=MyAgent,
            session=session,
            definition=definition,
            instance_db=instance,
            instance_id=made["id"],
            AgentStatus=AgentStatus,
        )
        assert "my_agent" in [row.slug for row in found["definitions"]]
        assert found["agent"].to_dict()["id"] == made["id"]
        [row] = await registry.list_instances(session, here.workspace_id, status=AgentStatus.ACTIVE)
        assert row.id == made["id"]


async def rows(
    registry: AgentRegistry, session: Session, scope: Scope, made: dict[str, Any]
) -> tuple[AgentDefinition, AgentInstance]:
    definitions = {row.id: row for row in await registry.load_definitions(session)}
    [instance] = await registry.list_instances(session, scope.workspace_id, scope.project_id)
    return definitions[made["definition_id"]], instance


async def test_a_context(app: FastAPI, client: AsyncClient, here: Scope) -> None:
    made, service = await hire(client, here, "assistant"), app.state.context_service
    assert isinstance(service, SharedContextService)
    async with app.state.sessions() as session:
        place = (here.workspace_id, here.project_id)
        before = await service.get_or_create_context(session, made["id"], "shared_context", *place)
        for number in range(1, 6):
            await service.write_context(session, before.id, {"n": number})
        await session.commit()
        names = {"workspace_id": here.workspace_id, "project_id": here.project_id, "instance_id": made["id"]}
        found = await run_awaiting(CONTEXT, service=service, session=session, **names)
    assert (found["context"].id, found["version"], found["data"]) == (before.id, 6, {"n": 5})
    assert [row.version for row in found["versions"]] == [6, 5, 4, 3, 2, 1]
    assert found["versions"][0].change_description == "Updated via API"


async def test_the_task_processor(app: FastAPI) -> None:
    said, printed = asyncio.Event(), list[object]()
    loop = asyncio.get_running_loop()

    class Agent:
        async def send_message(self, text: str) -> str:
            return f"{text} yourself"

    def spoken(result: object) -> None:
        printed.append(result)
        loop.call_soon_threadsafe(said.set)

    found = run(PROCESSOR, get_task_processor=folkmoot.get_task_processor, agent=Agent(), print=spoken)
    assert (found["task_id"], found["status"]["task_id"]) == ("process_message", "process_message")
    async with asyncio.timeout(20):
        await said.wait()
    status = found["processor"].get_task_status("process_message")
    assert (status["status"], status["result"]) == ("completed", "Hello yourself")
    assert printed == ["Hello yourself"]
