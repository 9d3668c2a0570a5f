"""BaseAgent: what other software builds agents on. An instance of a class lives in one process."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from folkmoot.agents.rules import AgentStatus
from folkmoot.kernel.errors import Invalid
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.json_schema import errors_of


class ConfigInvalid(Invalid):
    """The config does not fit the agent's config_schema"""


class BaseAgent:
    """A class of agents: override what you need, every hook has a default.

    The class attributes go into its definition; `config_schema` is added to what every agent understands.
    `state` is the agent's own JSON: what stands in it after a hook is stored with the agent. A hook that
    raises, or takes longer than it may, leaves the agent in status `error`; it must never block its thread.
    """

    capabilities: Sequence[str] = ()
    config_schema: Mapping[str, Json] = MappingProxyType({})
    metadata: Mapping[str, Json] = MappingProxyType({})

    def __init__(self, name: str = "", config: Mapping[str, Json] | None = None, *, slug: str = "") -> None:
        self.id = ""
        self.name = name
        self.slug = slug
        self.agent_type = slug
        self.status = AgentStatus.IDLE
        self.config: JsonObject = dict(config or {})
        self.state: JsonObject = {}
        self.capabilities = [*type(self).capabilities]
        self.metadata = dict(type(self).metadata)

    async def initialize(self) -> None:
        """Get hold of what the agent needs; called once, before anything else."""
        self.status = AgentStatus.IDLE

    async def activate(self) -> None:
        """Begin to work."""
        self.status = AgentStatus.ACTIVE

    async def deactivate(self) -> None:
        """Pause; `activate` may follow."""
        self.status = AgentStatus.IDLE

    async def shutdown(self) -> None:
        """Let go of everything; nothing follows."""
        self.status = AgentStatus.OFFLINE

    def add_capability(self, *capabilities: str) -> None:
        self.capabilities = _distinct((*self.capabilities, *capabilities))

    def has_capability(self, capability: str) -> bool:
        return capability in self.capabilities

    def update_config(self, changes: Mapping[str, Json] | None = None, /, **more: Json) -> JsonObject:
        """Lay changes over the config of this object; answers what it is now. Raises ConfigInvalid."""
        changed = {**self.config, **(changes or {}), **more}
        errors: list[Json] = [*errors_of(dict(self.config_schema), changed)]
        if errors:
            raise ConfigInvalid(errors=errors)
        self.config = changed
        return changed

    def to_dict(self) -> JsonObject:
        return {
            "id": self.id,
            "name": self.name,
            "slug": self.slug,
            "agent_type": self.agent_type,
            "status": self.status.value,
            "capabilities": [*self.capabilities],
            "config": self.config,
            "metadata": {**self.metadata},
        }


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
