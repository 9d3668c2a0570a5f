"""One process's worth of agents and conversations over HTTP, speaking with a stub or the practice model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from folkmoot.agents import routes as agent_routes
from folkmoot.agents.definitions import ensure_definitions
from folkmoot.agents.presence import Presence
from folkmoot.agents.service import AgentSettings
from folkmoot.conversations import routes as conversation_routes
from folkmoot.conversations.workflow import ReplyExecutor
from folkmoot.db.database import Database
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
from folkmoot.workspaces.deps import here

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

    async def hire(self, name: str = "Ada", **config: Json) -> JsonObject:
        """A new agent of the definition `assistant`."""
        body: JsonObject = {"definition_slug": "assistant", "name": name, "config": config}
        answer = await self.client.post("/api/agents", json=body)
        assert answer.status_code == 201, answer.text
        made: JsonObject = answer.json()
        return made

    async def get(self, path: str) -> JsonObject:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        found: JsonObject = answer.json()
        return found


@asynccontextmanager
async def open_office(
    db: Database, scope: Scope, base_url: str | None = None, settings: AgentSettings | None = None
) -> AsyncIterator[Office]:
    """Without `base_url` the practice model speaks."""
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
    engine.register(ReplyExecutor(engine, gateway, ToolRegistry([LOOK_UP])))
    engine.observers.append(Presence())
    await db.write(ensure_definitions)
    await engine.dispatcher.start(engine.work)
    await recover(engine, await db.read(owners_of_running))
    app = FastAPI()
    app.include_router(agent_routes.router)
    app.include_router(conversation_routes.router)
    add_renderers(app)
    app.state.runtime = SimpleNamespace(db=db, gateway=gateway, supervisor=supervisor)
    app.state.engine = engine
    app.state.agent_settings = settings or AgentSettings()
    app.dependency_overrides[here] = lambda: scope
    client = AsyncClient(transport=ASGITransport(Requests(app, Figures())), base_url="http://127.0.0.1")
    try:
        async with client:
            yield Office(db, scope, engine, app, client)
    finally:
        await engine.stop(1)
        await supervisor.stop()
        await gateway.aclose()
