"""A process's worth of engine with the core agents' executors, and a model that plays all three by a script."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from folkmoot.agents.definitions import ensure_definitions
from folkmoot.agents.manners import DELEGATING, Manners
from folkmoot.agents.operations import Operations
from folkmoot.agents.presence import Presence
from folkmoot.agents.registry import AgentRegistry
from folkmoot.agents.residents import Residents
from folkmoot.agents.service import AgentSettings
from folkmoot.core_agents.delegation import delegating
from folkmoot.core_agents.designing import DesignExecutor, generating
from folkmoot.core_agents.driving import DrivingExecutor
from folkmoot.core_agents.offers import CREATOR, DRIVER, GENERATOR, OFFERS
from folkmoot.core_agents.research import researching
from folkmoot.core_agents.service import initialize_agents
from folkmoot.db.database import Database
from folkmoot.engine.local import LocalDispatcher
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.knowledge.search import Search
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.settings import LlmLimits, LlmSettings
from folkmoot.runs.engine import RunEngine
from folkmoot.tasks.operation_executor import OperationExecutor
from folkmoot.tools.builtin import builtin_tools
from folkmoot.tools.registry import ToolRegistry
from tests.stubs.openai_stub import Reply

LIMITS = LlmLimits(first_token=5, idle=5, total=10, backoff=0.001)
RESULT = "It is red, as a person said."
SPEC: JsonObject = {
    "name": "Painter",
    "role": "Painter",
    "capabilities": ["painting"],
    "system_prompt": "You are Painter. You paint what you are told to.",
    "tools": ["search_knowledge"],
    "success_criteria": ["It is painted"],
}
FOUND: JsonObject = {"topic": "Paint", "sources": [], "summary": "Nothing here speaks of paint.", "citations": []}


class Cast:
    """Driver delegates, has an agent made, asks a person and finishes; the others do what they are asked.

    `asked` counts what each has been asked, by step.
    """

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, body: JsonObject) -> Reply:
        said: Any = body["messages"]
        tools = {tool["function"]["name"] for tool in body.get("tools") or []}  # type: ignore[union-attr,index,call-overload]
        if "finish" in tools:
            return self._drive(sum(message["role"] == "tool" for message in said))
        form = body.get("response_format")
        name = form["json_schema"]["name"] if isinstance(form, dict) else ""  # type: ignore[index,call-overload]
        self.asked[str(name) or "worker"] += 1
        return Reply(text=json.dumps({"AgentSpec": SPEC, "Research": FOUND}.get(str(name), "done")))

    def _drive(self, results: int) -> Reply:
        self.asked[f"driver {results}"] += 1
        steps = (
            ("delegate", {"agent": "creator", "task": "Find out which colours there are"}),
            ("create_agent", {"role": "Painter", "capabilities": ["painting"], "reason": "Somebody has to paint"}),
            ("ask_operator", {"question": "Which colour?"}),
            ("finish", {"result": RESULT}),
        )
        name, given = steps[min(results, 3)]
        return Reply(calls=((name, json.dumps(given)),), finish="tool_calls")


def gateway_to(base_url: str) -> Gateway:
    return Gateway(
        LlmSettings(default_model="openai:stub-1", openai_api_key="key", openai_base_url=base_url, limits=LIMITS)
    )


def manners_of(db: Database, gateway: Gateway) -> Manners:
    handing_on = delegating(db)
    return {
        DRIVER: handing_on,
        DELEGATING: handing_on,
        CREATOR: researching(Search(db, gateway)),
        GENERATOR: generating(db),
    }


@asynccontextmanager
async def stage(db: Database, base_url: str, most_online: int = 1000) -> AsyncIterator[RunEngine]:
    supervisor, gateway = Supervisor(), gateway_to(base_url)
    engine = RunEngine(db, LocalDispatcher(supervisor), supervisor, new_id())
    tools = ToolRegistry(builtin_tools())
    operations = Operations(Residents(AgentRegistry(), supervisor), supervisor)
    working = OperationExecutor(db, gateway, tools, operations, manners_of(db, gateway))
    engine.register(working)
    engine.register(DrivingExecutor(working))
    engine.register(DesignExecutor(db, gateway, tools, AgentSettings(most_online=most_online)))
    engine.observers.append(Presence())
    await engine.dispatcher.start(engine.work, engine.executors)
    yield engine
    await engine.stop(0)
    await supervisor.stop()
    await gateway.aclose()


async def initialized(db: Database, scope: Scope) -> None:
    await db.write(ensure_definitions, OFFERS)
    await initialize_agents(db, scope)
