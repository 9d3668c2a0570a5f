"""AgentRegistry: the classes of agents this process knows, by slug, and their way into and out of the database."""

import logging
import re
from dataclasses import dataclass

from folkmoot.agents import queries, transitions
from folkmoot.agents.base import BaseAgent
from folkmoot.agents.definitions import Offer, built_in_slugs, write_offers
from folkmoot.agents.rules import AgentStatus, is_name_of_class
from folkmoot.agents.tables import AgentDefinition, AgentInstance
from folkmoot.db.sessions import Session
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import dumps

_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_log = logging.getLogger(__name__)


class NotAnAgentClass(Problem):
    """What was registered is no subclass of BaseAgent"""


class UnusableSlug(Problem):
    """A class cannot be registered under this slug"""


class RegisteredTwice(Problem):
    """Two classes are registered under one slug"""


@dataclass(frozen=True, slots=True)
class Registered:
    kind: type[BaseAgent]
    description: str


class AgentRegistry:
    """Filled at the start, by modules and entry points; an operator's class comes before a built-in definition."""

    def __init__(self) -> None:
        self._classes: dict[str, Registered] = {}

    def register(self, cls: type[BaseAgent], slug: str, description: str = "") -> None:
        """Raises NotAnAgentClass, UnusableSlug, RegisteredTwice; TypeError where an attribute is no JSON."""
        _check_class(cls)
        if not is_name_of_class(slug):
            raise UnusableSlug(
                f"{slug!r} is no slug for a class of agents: [a-z0-9][a-z0-9_-]{{0,62}}, no number or id"
            )
        known = self._classes.get(slug)
        if known is not None and known.kind is not cls:
            raise RegisteredTwice(f"{known.kind.__qualname__} and {cls.__qualname__} are both registered as {slug!r}")
        if known is None and slug in built_in_slugs():
            _log.warning("%s.%s replaces the built-in definition %s", cls.__module__, cls.__qualname__, slug)
        registered = Registered(cls, description or (cls.__doc__ or "").strip().partition("\n")[0])
        dumps([_offer(slug, registered).own_schema, _offer(slug, registered).meta_data])  # before it is too late
        self._classes[slug] = registered

    def get_class(self, slug: str) -> type[BaseAgent] | None:
        """The class registered under this slug, None where there is none."""
        known = self._classes.get(slug)
        return None if known is None else known.kind

    def slugs(self) -> list[str]:
        return sorted(self._classes)

    def offers(self) -> list[Offer]:
        """What the classes put into their definitions."""
        return [_offer(slug, known) for slug, known in sorted(self._classes.items())]

    async def load_definitions(self, session: Session) -> list[AgentDefinition]:
        """Write the registered classes into the database; answers every enabled definition from code, by slug."""
        return await session.database.write(_load, self.offers())

    async def spawn_instance(self, definition: AgentDefinition, instance: AgentInstance) -> BaseAgent:
        """The agent as an object of its class, a plain BaseAgent where it has none; no hook was called yet."""
        agent = (self.get_class(definition.slug) or BaseAgent)(instance.name, instance.config, slug=instance.slug)
        agent.id, agent.slug, agent.agent_type = instance.id, instance.slug, definition.agent_type
        agent.status, agent.state = AgentStatus(instance.status), dict(instance.state)
        if not agent.capabilities:
            agent.add_capability(*definition.capabilities)
        return agent

    async def update_instance_status(
        self,
        session: Session,
        instance_id: str,
        status: AgentStatus,
        error: str | None = None,
        *,
        workspace_id: str | None = None,
    ) -> AgentInstance:
        """Say what an agent's status is now; obeys the table. Raises NoSuchAgent, IllegalAgentStatus."""
        wanted = AgentStatus(status)
        return await session.database.write(transitions.report_status, instance_id, wanted, error, workspace_id)

    async def list_instances(
        self, session: Session, workspace_id: str, project_id: str | None = None, status: AgentStatus | None = None
    ) -> list[AgentInstance]:
        """All agents of a workspace by number, each with the status it shows as its status."""
        wanted = None if status is None else AgentStatus(status).value
        return await session.database.read_long(queries.list_instances, workspace_id, project_id, wanted)


def _check_class(cls: object) -> None:
    if not (isinstance(cls, type) and issubclass(cls, BaseAgent)):
        raise NotAnAgentClass(f"{cls!r} is no subclass of BaseAgent")


def _offer(slug: str, known: Registered) -> Offer:
    return Offer(
        slug=slug,
        name=_spoken(known.kind.__name__),
        agent_type=slug,
        description=known.description,
        capabilities=tuple(known.kind.capabilities),
        own_schema=dict(known.kind.config_schema),
        meta_data=dict(known.kind.metadata),
        is_hosted=True,
    )


def _spoken(name: str) -> str:
    """A class's name as people say it: CodeReviewer is Code Reviewer."""
    return _WORD_BOUNDARY.sub(" ", name)


def _load(tx: Tx, offers: list[Offer]) -> list[AgentDefinition]:
    write_offers(tx, offers)
    return [definition for definition in queries.definitions_from_code(tx) if definition.is_enabled]
