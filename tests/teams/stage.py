"""A process's worth of engine with the team's executor and the tasks' observer, as the composition root wires it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from folkmoot.agents.operations import Operations
from folkmoot.agents.registry import AgentRegistry
from folkmoot.agents.residents import Residents
from folkmoot.db.database import Database
from folkmoot.engine.local import LocalDispatcher
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.settings import LlmSettings
from folkmoot.runs.engine import RunEngine
from folkmoot.tasks.operation_executor import OperationExecutor
from folkmoot.tasks.progress import TaskProgress
from folkmoot.teams.executor import TeamExecutor
from folkmoot.tools.builtin import builtin_tools
from folkmoot.tools.registry import ToolRegistry


def practice() -> Gateway:
    return Gateway(LlmSettings())


@asynccontextmanager
async def stage(db: Database, gateway: Gateway, registry: AgentRegistry | None = None) -> AsyncIterator[RunEngine]:
    supervisor = Supervisor()
    engine = RunEngine(db, LocalDispatcher(supervisor), supervisor, new_id())
    tools = ToolRegistry(builtin_tools())
    engine.register(TeamExecutor(db, gateway, tools))
    operations = Operations(Residents(registry or AgentRegistry(), supervisor), supervisor)
    engine.register(OperationExecutor(db, gateway, tools, operations))
    engine.observers.append(TaskProgress())
    await engine.dispatcher.start(engine.work, engine.executors)
    yield engine
    await engine.stop(0)
    await supervisor.stop()
    await gateway.aclose()
