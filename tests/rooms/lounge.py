"""A room for tests: three agents, calls as a client makes them, and waiting until nobody speaks any more."""

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import Scope
from folkmoot.rooms.tables import Room
from folkmoot.runs.engine import RunEngine

NAMES = ("Ada", "Bea", "Cyn")


def calm(tx: Tx) -> None:
    """From here on no room speaks of itself: other tests use the database too, at later times."""
    tx.write(sa.update(Room).values(next_tick_at=None))


@dataclass
class Lounge:
    app: FastAPI
    client: AsyncClient
    scope: Scope
    agents: dict[str, dict[str, Any]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def db(self) -> Database:
        db: Database = self.app.state.runtime.db
        return db

    @property
    def engine(self) -> RunEngine:
        engine: RunEngine = self.app.state.engine
        return engine

    async def furnish(self) -> "Lounge":
        self.headers["X-Workspace-Id"] = self.scope.workspace_id
        for name in NAMES:
            self.agents[name] = await self.ask(
                "POST", "/api/agents", {"definition_slug": "assistant", "name": name}, 201
            )
        return self

    async def ask(self, method: str, path: str, body: object = None, status: int | None = None) -> Any:
        answer = await self.client.request(method, path, json=body, headers=self.headers)
        assert answer.status_code == status if status else answer.is_success, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def open(self, *agents: str, **given: object) -> str:
        """A room with these agents, in this order."""
        members = given.pop("members", {})
        assert isinstance(members, dict)
        room = await self.ask("POST", "/api/rooms", {"name": "Harbour", **given}, 201)
        for name in agents:
            body = {"agent_id": self.agents[name]["id"], **members.get(name, {})}
            await self.ask("POST", f"/api/rooms/{room['id']}/members", body, 201)
        return str(room["id"])

    async def say(self, room_id: str, text: str, **more: object) -> Any:
        return await self.ask("POST", f"/api/rooms/{room_id}/messages", {"content": text, **more}, 201)

    async def quiet(self, room_id: str) -> None:
        """Until nobody speaks: one run ends in the unit that begins the next."""
        while (run_id := (await self.look(room_id))["speaking_run_id"]) is not None:
            await self.engine.wait(self.scope, run_id, 20)

    async def asked(self, room_id: str) -> Any:
        """What the room's agent asks people, once it does."""
        run_id = (await self.look(room_id))["speaking_run_id"]
        async with self.app.state.runtime.hub.follow(self.scope.workspace_id, after=0) as follower:
            async for frame in follower:
                if frame.type == "approval_required" and frame.references["run_id"] == run_id:
                    break
        [approval] = (await self.ask("GET", f"/api/approvals?run_id={run_id}"))["approvals"]
        return approval

    async def look(self, room_id: str) -> Any:
        return await self.ask("GET", f"/api/rooms/{room_id}")

    async def log(self, room_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.ask("GET", f"/api/rooms/{room_id}/messages"))["messages"]
        return found

    async def speakers(self, room_id: str) -> list[str]:
        """Who has spoken, in order; people as `-`."""
        return [one["sender_name"] if one["sender_type"] == "agent" else "-" for one in await self.log(room_id)]
