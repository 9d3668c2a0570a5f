"""An office of agents that also has teams, tasks and their runs, over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from folkmoot.agents.operations import Operations
from folkmoot.agents.registry import AgentRegistry
from folkmoot.db.database import Database
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.schemas import NewDocument
from folkmoot.knowledge.service import add_document
from folkmoot.runs.routes import router as runs_router
from folkmoot.tasks.operation_executor import OperationExecutor
from folkmoot.tasks.progress import TaskProgress
from folkmoot.tasks.routes import router as tasks_router
from folkmoot.tasks.rules import TaskDefaults
from folkmoot.teams.executor import TeamExecutor
from folkmoot.teams.routes import router as teams_router
from folkmoot.tools.builtin import builtin_tools
from folkmoot.tools.registry import ToolRegistry
from tests.agents.office import LOOK_UP, Office, open_office

TEXT = "# Crashes\n\nAfter a crash every run is finished. No journalled model call is made again.\n"


@dataclass(frozen=True, slots=True)
class Desk:
    office: Office

    async def ask(self, method: str, path: str, body: JsonObject | None = None, status: int = 200) -> Any:
        answer = await self.office.client.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def team(self, slug: str, orchestration: str, **given: Any) -> dict[str, Any]:
        body: JsonObject = {"slug": slug, "orchestration": orchestration, **given}
        made: dict[str, Any] = await self.ask("POST", "/api/teams", body, 201)
        return made

    async def work(self, team: Any, description: str = "Say what a crash costs", **given: Any) -> dict[str, Any]:
        """A task given to the team, and its run once that has ended."""
        task = await self.ask("POST", "/api/tasks", {"description": description, "team": team, **given}, 201)
        run: dict[str, Any] = await self.ask("POST", "/api/runs?wait=20", {"task_id": task["id"]}, 202)
        return run

    async def document(self) -> str:
        document, _ = await add_document(
            self.office.db, self.office.scope, NewDocument(title="crashes.md", text=TEXT, media_type="text/markdown")
        )
        return document.id


@asynccontextmanager
async def open_desk(
    db: Database, scope: Scope, base_url: str | None = None, registry: AgentRegistry | None = None
) -> AsyncIterator[Desk]:
    async with open_office(db, scope, base_url, registry=registry) as office:
        gateway, engine = office.app.state.runtime.gateway, office.engine
        tools = ToolRegistry([*builtin_tools(), LOOK_UP])
        operations = Operations(office.lifecycle.residents, engine.supervisor)
        engine.register(TeamExecutor(db, gateway, tools))
        engine.register(OperationExecutor(db, gateway, tools, operations))
        engine.observers.append(TaskProgress())
        await engine.dispatcher.start(engine.work, engine.executors)
        for router in (teams_router, tasks_router, runs_router):
            office.app.include_router(router)
        office.app.state.task_defaults = TaskDefaults()
        yield Desk(office)
