"""What a workspace allows its agents: reading by default, the rest after a person's consent, or as its owner says."""

from collections.abc import Iterable

from fastapi import FastAPI
from httpx2 import AsyncClient
from pydantic import BaseModel

from folkmoot.db.database import Database
from folkmoot.kernel.json import Json
from folkmoot.kernel.scope import Scope
from folkmoot.tools.registry import Tool, ToolContext, ToolRegistry, planned_tool, typed_tool
from folkmoot.tools.schemas import PolicyChange
from folkmoot.tools.service import change_policy, list_tools, offered


class Nothing(BaseModel):
    """Do nothing."""


async def nothing(context: ToolContext, arguments: Nothing) -> Json:
    return {}


READ = typed_tool("look", Nothing, nothing, effect="none", risk="read")
WRITE = typed_tool("look_after", Nothing, nothing, effect="idempotent", risk="write")
OUT = typed_tool("call_out", Nothing, nothing, effect="unsafe", risk="external")


class Own:
    """A source that has a tool for one workspace, and one whose name is taken."""

    def __init__(self, workspace_id: str) -> None:
        self.workspace_id = workspace_id

    async def tools(self, scope: Scope) -> Iterable[Tool]:
        own = typed_tool("own", Nothing, nothing, effect="none", risk="external")
        taken = typed_tool("look", Nothing, nothing, effect="unsafe", risk="external")
        return (own, taken) if scope.workspace_id == self.workspace_id else ()

    async def known(self, scope: Scope) -> Iterable[str]:
        return [tool.name for tool in await self.tools(scope)]


async def test_reading_is_free_and_the_rest_is_asked_for(db: Database, scope: Scope) -> None:
    registry = ToolRegistry([READ, WRITE, OUT])
    offer = await offered(db, registry, scope, ["call_out", "look", "look_after", "nonsense", "look"])
    assert offer.names == ("call_out", "look", "look_after")
    assert offer.approved_first == {"call_out", "look_after"}
    assert (await offered(db, registry, scope, ["look*"])).names == ("look", "look_after")
    assert (await offered(db, registry, scope, [])).names == ()


async def test_an_owner_decides_otherwise(db: Database, scope: Scope) -> None:
    registry = ToolRegistry([READ, WRITE, OUT])
    await change_policy(db, registry, scope, "look_after", PolicyChange(needs_approval=False))
    changed = await change_policy(db, registry, scope, "look", PolicyChange(allowed=False))
    assert (changed.allowed, changed.is_default) == (False, False)
    offer = await offered(db, registry, scope, ["*"])
    assert offer.names == ("look_after", "call_out")
    assert offer.approved_first == {"call_out"}
    again = await change_policy(db, registry, scope, "look", PolicyChange(allowed=True))
    assert (again.allowed, again.needs_approval) == (True, False)


async def test_a_workspace_has_its_own(db: Database, scope: Scope) -> None:
    registry = ToolRegistry([READ])
    registry.sources.append(Own(scope.workspace_id))
    assert [(tool.name, tool.risk) for tool in await list_tools(db, registry, scope)] == [
        ("look", "read"),
        ("own", "external"),
    ]
    assert (await registry.of(Scope("elsewhere", scope.project_id, scope.actor))).names() == ("look",)


async def test_a_plan_is_made_only_for_what_is_offered(db: Database, scope: Scope) -> None:
    async def plan(context: ToolContext, arguments: Nothing) -> dict[str, Json]:
        return {"how": "ask", "question": "Well?"}

    registry = ToolRegistry([READ, OUT, planned_tool("ask", Nothing, plan)])
    context = ToolContext(
        scope=scope, db=db, offered=("look", "call_out", "ask"), approved_first=frozenset({"call_out"})
    )
    assert await registry.plan(context, "look", {}) is None
    assert await registry.plan(context, "call_out", {}) == {"how": "approve", "risk": "external"}
    assert await registry.plan(context, "ask", {}) == {"how": "ask", "question": "Well?"}
    assert await registry.plan(ToolContext(scope=scope, db=db, offered=()), "ask", {}) is None
    assert (await registry.use(context, "ask", {}))["is_error"] is True


async def test_over_http(app: FastAPI, client: AsyncClient) -> None:
    tools = (await client.get("/api/tools")).json()["tools"]
    by_name = {tool["name"]: tool for tool in tools}
    assert {"ask_person", "calculate", "fetch_url", "read_shared_context", "send_to_agent"} <= by_name.keys()
    assert (by_name["fetch_url"]["risk"], by_name["fetch_url"]["needs_approval"]) == ("external", True)
    page = (await client.get("/api/tools", params={"skip": 1, "limit": 1})).json()
    assert (page["tools"], page["total"]) == ([tools[1]], len(tools))
    changed = await client.patch("/api/tools/fetch_url", json={"needs_approval": False})
    assert changed.status_code == 200
    assert changed.json() == {**by_name["fetch_url"], "needs_approval": False, "is_default": False}
    missing = await client.patch("/api/tools/nonsense", json={})
    assert (missing.status_code, missing.json()["code"]) == (404, "no_such_tool")
    wrong = await client.patch("/api/tools/fetch_url", json={"allowed": "perhaps"})
    assert wrong.status_code == 422
