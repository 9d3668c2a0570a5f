"""A workspace of the application with agents who differ, for tests of debates over HTTP."""

import asyncio
from typing import Any, Self

from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.db.database import Database
from folkmoot.kernel.scope import Scope
from folkmoot.runs.engine import RunEngine

PEOPLE = {"Ada": "You love SQLite files.", "Bea": "You love PostgreSQL servers.", "Cyn": "You love SQLite files too."}
TOPIC = {
    "debate_topic": "Which database should the product ship with?",
    "problem_statement": "One of both it has to be.",
    "debate_mode": "structured",
    "max_rounds": 2,
    "max_iterations_per_round": 1,
}
OPTIONS = ["SQLite files", "PostgreSQL servers"]


class Hall:
    def __init__(self, app: FastAPI, client: AsyncClient, scope: Scope) -> None:
        self.app = app
        self.engine: RunEngine = app.state.engine
        self.db: Database = app.state.runtime.db
        self.client = client
        self.scope = scope
        self.headers = {"X-Workspace-Id": scope.workspace_id}
        self.agents: dict[str, Any] = {}

    async def furnish(self) -> Self:
        for name, instructions in PEOPLE.items():
            body = {"definition_slug": "assistant", "name": name, "config": {"instructions": instructions}}
            self.agents[name] = await self.ask("POST", "/api/agents", body, 201)
        return self

    async def ask(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        answer = await self.client.request(method, path, json=body, headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def make(self, rules: dict[str, object] | None = None, /, **given: object) -> str:
        """A debate's id."""
        body = {
            **TOPIC,
            "selected_agents": ["ada", "bea", "cyn"],
            **given,
            "debate_rules": {"options": OPTIONS, **(rules or {})},
        }
        made = await self.ask("POST", "/debate/initialize", body)
        assert made["status"] == "initialized"
        return str(made["debate_id"])

    async def control(self, debate_id: str, action: str, status: int = 200) -> Any:
        return await self.ask("POST", f"/debate/{debate_id}/control", {"action": action}, status)

    async def look(self, debate_id: str) -> Any:
        return await self.ask("GET", f"/debates/{debate_id}")

    async def until(self, debate_id: str, status: str) -> Any:
        """The debate once it has come to that; at most 10 seconds."""
        async with asyncio.timeout(10):
            while True:
                found = await self.look(debate_id)
                if found["status"] == status:
                    return found
                await asyncio.sleep(0)

    async def wait(self, debate_id: str) -> Any:
        """The debate once it has ended."""
        run_id = (await self.look(debate_id))["run_id"]
        await self.engine.wait(self.scope, run_id, 20)
        return await self.look(debate_id)

    async def held(self, **given: object) -> Any:
        """A debate from its making to its end."""
        debate_id = await self.make(**given)
        await self.control(debate_id, "start")
        return await self.wait(debate_id)
