"""The agents of classes that live in this process, as objects, and the only place that calls them."""

import asyncio
import inspect
from collections.abc import Callable
from weakref import WeakValueDictionary

from folkmoot.agents.base import BaseAgent
from folkmoot.agents.hooks import HOOK_SECONDS, call_foreign
from folkmoot.agents.registry import AgentRegistry
from folkmoot.agents.rules import AgentStatus
from folkmoot.agents.tables import AgentDefinition, AgentInstance
from folkmoot.kernel.json import JsonObject, dumps, loads
from folkmoot.kernel.supervisor import Supervisor

_LEADS_TO = {
    "initialize": AgentStatus.IDLE,
    "activate": AgentStatus.ACTIVE,
    "deactivate": AgentStatus.IDLE,
    "shutdown": AgentStatus.OFFLINE,
}


class Residents:
    """One object per agent; verbs of one agent come one after the other by `lock`."""

    def __init__(self, registry: AgentRegistry, supervisor: Supervisor, hook_seconds: float = HOOK_SECONDS) -> None:
        self.registry = registry
        self._supervisor = supervisor
        self._seconds = hook_seconds
        self._live: dict[str, BaseAgent] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def lock(self, agent_id: str) -> asyncio.Lock:
        lock = self._locks.get(agent_id)
        if lock is None:
            lock = self._locks[agent_id] = asyncio.Lock()
        return lock

    def ids(self) -> frozenset[str]:
        return frozenset(self._live)

    def find(self, agent_id: str) -> BaseAgent | None:
        return self._live.get(agent_id)

    def tell(self, agent_id: str, name: str, config: JsonObject) -> None:
        """Its name and config are others now."""
        agent = self._live.get(agent_id)
        if agent is not None:
            agent.name, agent.config = name, dict(config)

    def state(self, agent_id: str) -> JsonObject | None:
        """What the object keeps of its own, None where it is not JSON or nothing lives."""
        agent = self._live.get(agent_id)
        if agent is None:
            return None
        try:
            kept = loads(dumps(agent.state))
        except TypeError:
            return None
        return kept if isinstance(kept, dict) else None

    async def call(self, definition: AgentDefinition, instance: AgentInstance, hooks: tuple[str, ...]) -> str | None:
        """Make the object where there is none, then call the hooks in turn; answers what went wrong.

        An agent of which something went wrong lives no more.
        """
        if hooks[-1] == "initialize":
            await self.dismiss(instance.id)
            hooks = hooks[-1:]
        if instance.id not in self._live:

            async def make() -> None:
                self._live[instance.id] = await self.registry.spawn_instance(definition, instance)

            failure = await call_foreign(self._supervisor, "__init__", make, self._seconds)
            if failure is not None:
                return failure
        agent = self._live[instance.id]
        for hook in hooks:
            failure = await self._call(agent, hook)
            if failure is not None:
                del self._live[instance.id]
                if hook in ("activate", "deactivate"):
                    self._supervisor.start(self._call(agent, "shutdown"), f"clear away agent {instance.id}")
                return failure
        return None

    async def dismiss(self, agent_id: str) -> None:
        """Let the agent shut down, in the time a hook has, and forget it; what goes wrong is logged."""
        agent = self._live.pop(agent_id, None)
        if agent is not None:
            await self._call(agent, "shutdown")

    def dismiss_later(self, agent_id: str) -> None:
        """It lives no more from now on; its shutdown is not waited for."""
        agent = self._live.pop(agent_id, None)
        if agent is not None:
            self._supervisor.start(self._call(agent, "shutdown"), f"dismiss agent {agent_id}")

    def forget(self, agent_id: str) -> None:
        self._live.pop(agent_id, None)

    async def close(self, grace_seconds: float) -> None:
        """Let all shut down at once."""
        self._seconds = min(self._seconds, grace_seconds)
        await asyncio.gather(*(self.dismiss(agent_id) for agent_id in self.ids()))

    async def _call(self, agent: BaseAgent, hook: str) -> str | None:
        async def step() -> None:
            found: Callable[[], object] = getattr(agent, hook)
            answer = found()
            if inspect.isawaitable(answer):
                await answer
            dumps(agent.state)
            agent.status = _LEADS_TO[hook]

        return await call_foreign(self._supervisor, hook, step, self._seconds)
