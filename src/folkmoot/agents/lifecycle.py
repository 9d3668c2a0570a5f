"""The verbs of an agent's life: a unit, the hooks of a class where there is one, and a unit that settles it."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import TypeVar

from folkmoot.agents import queries, service, transitions
from folkmoot.agents.residents import Residents
from folkmoot.agents.rules import AgentStatus
from folkmoot.agents.schemas import AgentChange, AgentView, NewAgent
from folkmoot.agents.service import Done, Terms, agent_view
from folkmoot.agents.tables import Agent
from folkmoot.agents.transitions import Move, Process
from folkmoot.db.database import Database
from folkmoot.engine.hosts import HostInfo
from folkmoot.kernel.errors import BadGateway, Problem, Unavailable
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.kernel.supervisor import Supervisor

T = TypeVar("T")

RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)


class HookFailed(BadGateway):
    """A hook of the agent's class failed"""


class Lifecycle:
    """What this process does for agents. A verb goes on to its end also when its caller has gone."""

    def __init__(self, db: Database, residents: Residents, supervisor: Supervisor, host: HostInfo) -> None:
        self.db = db
        self.residents = residents
        self.supervisor = supervisor
        self.host = host

    @property
    def process(self) -> Process:
        """What this process can do right now."""
        return Process(self.host.id, frozenset(self.residents.registry.slugs()), self.residents.ids())

    async def create(self, scope: Scope, terms: Terms, new: NewAgent) -> AgentView:
        """Raises what service.create_agent raises, HookFailed."""

        async def created() -> AgentView:
            done = await self.db.write(service.create_agent, scope, terms, new)
            async with self.residents.lock(done.agent.id):
                return await self._finish(scope, done)

        return await self._to_its_end(created())

    async def change(self, scope: Scope, terms: Terms, ref: str, change: AgentChange) -> AgentView:
        """Raises what service.change_agent raises, NotInitialized, HookFailed."""
        agent = await self.db.read(queries.get_agent, scope, ref)

        async def changed() -> AgentView:
            async with self.residents.lock(agent.id):
                known = Terms(terms.settings, terms.gateway, self.process)
                done = await self.db.write(service.change_agent, scope, known, agent.id, change)
                self.residents.tell(done.agent.id, done.agent.name, done.agent.config)
                return await self._finish(scope, done)

        return await self._to_its_end(changed())

    async def delete(self, scope: Scope, ref: str) -> None:
        """Raises what service.delete_agent raises, NotInitialized. What lives is shut down afterwards."""
        agent = await self.db.read(queries.get_agent, scope, ref)
        async with self.residents.lock(agent.id):
            await self.db.write(service.delete_agent, scope, agent.id)
            self.residents.dismiss_later(agent.id)

    async def revive(self, done: Done) -> None:
        """Have an agent work again whose process has ended; what goes wrong stands in its status."""
        agent = done.agent
        async with self.residents.lock(agent.id):
            row = await self.db.read(queries.find_instance, agent.id)
            if row is None or row.status != AgentStatus.INITIALIZING or row.host_id != self.host.id:
                return  # somebody else's verb was first
            try:
                await self._finish(Scope(agent.workspace_id, agent.project_id, SYSTEM), done)
            except Problem as problem:
                _log.warning("agent %s does not work again: %s", agent.id, problem.detail)

    async def _to_its_end(self, verb: Coroutine[object, object, T]) -> T:
        """Whoever waits; a Problem is an answer and no failure of the task."""

        async def answered() -> T | Problem:
            try:
                return await verb
            except Problem as problem:
                return problem

        answer = await asyncio.shield(self.supervisor.start(answered(), "verb of an agent"))
        if isinstance(answer, Problem):
            raise answer
        return answer

    async def _finish(self, scope: Scope, done: Done) -> AgentView:
        """Call the hooks that are left, and store what they led to. Raises HookFailed, NoSuchAgent."""
        agent, move = done.agent, done.move
        if move is None or not move.hooks:
            if agent.host_id != self.host.id:
                self.residents.dismiss_later(agent.id)
            return agent_view(agent)
        failure = await self.residents.call(done.definition, agent, move.hooks)
        end = AgentStatus.ERROR if failure else _end_of(move)
        state = self.residents.state(agent.id)
        if end in (AgentStatus.ERROR, AgentStatus.OFFLINE):
            self.residents.forget(agent.id)
        if not await self._settle(scope, agent, end, failure, state):
            self.residents.dismiss_later(agent.id)
            raise queries.NoSuchAgent
        if failure is not None:
            raise HookFailed(f"The agent could not {_verb(move)}: {failure}", agent_id=agent.id, last_error=failure)
        return agent_view(await self.db.read(queries.get_agent, scope, agent.id))

    async def _settle(
        self, scope: Scope, agent: Agent, end: AgentStatus, error: str | None, state: JsonObject | None
    ) -> bool:
        """A database that is away now is told later: no agent stays where it stood on the way."""

        async def settle() -> bool:
            return await self.db.write(service.settle_agent, scope, agent.id, self.host.id, (end, error, state))

        async def settle_later() -> None:
            async with self.residents.lock(agent.id):
                while True:
                    await asyncio.sleep(RETRY_SECONDS)
                    try:
                        await settle()
                    except Unavailable:
                        continue
                    return

        try:
            return await settle()
        except Unavailable:
            self.supervisor.start(settle_later(), f"settle agent {agent.id}")
            raise


def _end_of(move: Move) -> AgentStatus:
    return AgentStatus.IDLE if move.wanted == AgentStatus.INITIALIZING else move.wanted


def _verb(move: Move) -> str:
    verb = transitions.VERBS.get(move.wanted, "initialize")
    return "shut down" if verb == "shutdown" else verb
