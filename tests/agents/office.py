"""One process's worth of agents and conversations over HTTP, speaking with a stub or the practice model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from folkmoot.accounts.rules import LOCAL_OWNER
from folkmoot.agents import routes as agent_routes
from folkmoot.agents import upkeep
from folkmoot.agents.definitions import ensure_definitions
from folkmoot.agents.lifecycle import Lifecycle
from folkmoot.agents.presence import Presence
from folkmoot.agents.registry import AgentRegistry
from folkmoot.agents.residents import Residents
from folkmoot.agents.service import AgentSettings
from folkmoot.conversations import message_routes
from folkmoot.conversations import routes as conversation_routes
from folkmoot.conversations.workflow import ReplyExecutor
from folkmoot.db.database import Database
from folkmoot.engine.hosts import HostInfo
from folkmoot.engine.local import LocalDispatcher
from folkmoot.http.figures import Figures
from folkmoot.http.render import add_renderers
from folkmoot.http.requests import Requests
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.settings import LlmLimits, LlmSettings
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.queries import owners_of_running
from folkmoot.runs.sweep import recover
from folkmoot.tools.registry import Tool, ToolContext, ToolRegistry
from folkmoot.workspaces.deps import here, staying
from folkmoot.workspaces.stay import Stay, Stays

HOOK_SECONDS = 0.5
LIMITS = LlmLimits(first_token=5, idle=5, total=10, backoff=0.001)


async def _look_up(context: ToolContext, given: JsonObject) -> Json:
    among = "" if context.document_ids is None else f" among {', '.join(context.document_ids)}"
    return f"found {given.get('query')} for {context.agent_id}{among}"


LOOK_UP = Tool(
    name="look_up",
    description="Looks something up",
    parameters={"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
    effect="none",
    risk="read",
    call=_look_up,
)


@dataclass(frozen=True, slots=True)
class Office:
    db: Database
    scope: Scope
    engine: RunEngine
    app: FastAPI
    client: AsyncClient
    lifecycle: Lifecycle

    async def hire(self, name: str = "Ada", **config: Json) -> JsonObject:
        """A new agent of the definition `assistant`."""
        body: JsonObject = {"definition_slug": "assistant", "name": name, "config": config}
        answer = await self.client.post("/api/agents", json=body)
        assert answer.status_code == 201, answer.text
        made: JsonObject = answer.json()
        return made

    async def make(self, slug: str, **given: Json) -> JsonObject:
        """A new agent of any definition, whatever the answer says."""
        answer = await self.client.post("/api/agents", json={"definition_slug": slug, **given})
        made: JsonObject = answer.json()
        return made

    async def verb(self, agent: JsonObject, verb: str) -> tuple[int, JsonObject]:
        answer = await self.client.post(f"/api/agents/{agent['id']}/{verb}")
        return answer.status_code, answer.json()

    async def patch(self, agent: JsonObject, **change: Json) -> tuple[int, JsonObject]:
        answer = await self.client.patch(f"/api/agents/{agent['id']}", json=change)
        return answer.status_code, answer.json()

    async def status(self, agent: JsonObject) -> str:
        return str((await self.get(f"/api/agents/{agent['id']}"))["status"])

    async def get(self, path: str) -> JsonObject:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        found: JsonObject = answer.json()
        return found


async def always_local() -> bool:
    return True


@asynccontextmanager
async def open_office(
    db: Database,
    scope: Scope,
    base_url: str | None = None,
    settings: AgentSettings | None = None,
    registry: AgentRegistry | None = None,
) -> AsyncIterator[Office]:
    """Without `base_url` the practice model speaks; hooks of the registry's classes may take half a second."""
    supervisor = Supervisor()
    gateway = Gateway(
        LlmSettings(
            default_model="openai:stub-1" if base_url else None,
            openai_api_key="key" if base_url else None,
            openai_base_url=base_url,
            limits=LIMITS,
        )
    )
    engine = RunEngine(db, LocalDispatcher(supervisor), supervisor, new_id())
    tools = ToolRegistry([LOOK_UP])
    engine.register(ReplyExecutor(engine, gateway, tools))
    engine.observers.append(Presence())
    registry = registry or AgentRegistry()
    residents = Residents(registry, supervisor, HOOK_SECONDS)
    lifecycle = Lifecycle(db, residents, supervisor, HostInfo(engine.host_id))
    await db.write(ensure_definitions, registry.offers())
    await upkeep.beat(lifecycle)
    await engine.dispatcher.start(engine.work, engine.executors)
    await recover(engine, await db.read(owners_of_running))
    app = FastAPI()
    app.include_router(agent_routes.router)
    app.include_router(message_routes.router)
    app.include_router(conversation_routes.router)
    add_renderers(app)
    app.state.runtime = SimpleNamespace(db=db, gateway=gateway, supervisor=supervisor)
    app.state.engine = engine
    app.state.lifecycle = lifecycle
    app.state.agent_settings = settings or AgentSettings()
    app.state.tools = tools
    stays = Stays(db, supervisor, always_local)
    app.dependency_overrides[here] = lambda: scope
    app.dependency_overrides[staying] = lambda: Stay(stays, LOCAL_OWNER, scope)
    client = AsyncClient(transport=ASGITransport(Requests(app, Figures())), base_url="http://127.0.0.1")
    try:
        async with client:
            yield Office(db, scope, engine, app, client, lifecycle)
    finally:
        await engine.stop(1)
        await upkeep.close(lifecycle, 1)
        await supervisor.stop()
        await gateway.aclose()
