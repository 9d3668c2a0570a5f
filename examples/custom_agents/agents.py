"""The class of agents, and how Folkmoot comes to know it: AGENT_REGISTRY_MODULES=custom_agents.agents."""

from folkmoot import AgentRegistry, BaseAgent


class Notekeeper(BaseAgent):
    """Keeps what a team has decided."""

    capabilities = ("notes",)
    config_schema = {"properties": {"topic": {"type": "string", "default": "decisions"}}}  # noqa: RUF012 never changed

    async def initialize(self) -> None:
        await super().initialize()
        self.state["topic"] = self.config["topic"]

    async def activate(self) -> None:
        await super().activate()
        activations = self.state.get("activations", 0)
        self.state["activations"] = (activations if isinstance(activations, int) else 0) + 1


def load_agents(registry: AgentRegistry) -> None:
    registry.register(Notekeeper, "notekeeper", "Keeps what a team has decided")
