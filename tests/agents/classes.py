"""Classes of agents whose hooks do what a test tells them to, and keep a list of what was called."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from folkmoot.agents.base import BaseAgent
from folkmoot.agents.registry import AgentRegistry
from folkmoot.kernel.json import JsonObject

SCHEMA: JsonObject = {
    "properties": {"depth": {"type": "integer", "minimum": 1, "default": 3}},
    "required": ["depth"],
}
METADATA: JsonObject = {"maker": "tests"}


@dataclass
class Script:
    """`does` says what happens in a hook: nothing, `raise`, `hang`, `cling` (hangs and refuses to be cancelled)."""

    does: dict[str, str] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(self, hook: str) -> None:
        self.called.append(hook)
        match self.does.get(hook):
            case "raise":
                raise RuntimeError(f"no {hook} today")
            case "exit":
                raise SystemExit(3)
            case "hang":
                self.entered.set()
                await self.released.wait()
            case "cling":
                while not self.released.is_set():
                    try:
                        await self.released.wait()
                    except asyncio.CancelledError:
                        continue
            case _:
                pass


def scripted(script: Script) -> type[BaseAgent]:
    class Scripted(BaseAgent):
        """Does as it is told."""

        capabilities = ("obeying",)
        config_schema = SCHEMA
        metadata = METADATA

        async def initialize(self) -> None:
            await super().initialize()
            self.state["initialized"] = True
            await script.play("initialize")

        async def activate(self) -> None:
            await script.play("activate")

        async def deactivate(self) -> None:
            await script.play("deactivate")

        async def shutdown(self) -> None:
            await script.play("shutdown")

    return Scripted


def registry_of(script: Script, slug: str = "scripted", *more: Callable[[AgentRegistry], None]) -> AgentRegistry:
    registry = AgentRegistry()
    registry.register(scripted(script), slug, "Does as it is told")
    for register in more:
        register(registry)
    return registry
