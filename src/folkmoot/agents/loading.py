"""Where classes of agents come from: modules the operator names, and packages that are installed."""

import importlib
import inspect
import logging
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from folkmoot.agents.base import BaseAgent
from folkmoot.agents.registry import AgentRegistry
from folkmoot.kernel.errors import Problem

GROUP = "folkmoot.agents"
_LOADERS = ("load_agents", "register_agents")

_log = logging.getLogger(__name__)


class AgentModuleFailed(Problem):
    """A module of agent classes cannot be loaded"""

    hint = "Is it installed, or its folder on PYTHONPATH? See AGENT_REGISTRY_MODULES"


async def load_classes(registry: AgentRegistry, modules: Sequence[str]) -> None:
    """Fill the registry from entry points of the group `folkmoot.agents`, then from the modules.

    Raises AgentModuleFailed, naming the one that failed.
    """
    for entry in entry_points(group=GROUP):
        await _load(registry, f"entry point {entry.name} ({entry.value})", entry)
    for name in modules:
        await _load(registry, f"AGENT_REGISTRY_MODULES: {name}", name)
    if registry.slugs():
        _log.info("agent classes: %s", ", ".join(registry.slugs()))


async def _load(registry: AgentRegistry, name: str, source: EntryPoint | str) -> None:
    """Whatever somebody else's code raises here stops the start, and says where."""
    try:
        found = importlib.import_module(source) if isinstance(source, str) else source.load()
        if isinstance(found, type) and issubclass(found, BaseAgent) and isinstance(source, EntryPoint):
            registry.register(found, source.name)
            return
        answer = _loader(found)(registry)
        if inspect.isawaitable(answer):
            await answer
    except (Exception, SystemExit) as error:
        raise AgentModuleFailed(f"{name} cannot be loaded: {type(error).__name__}: {error}") from error


def _loader(found: object) -> Callable[[AgentRegistry], object]:
    """A function that takes the registry: the entry point itself, or what a module has under one of two names."""
    if isinstance(found, ModuleType):
        found = next((loader for name in _LOADERS if (loader := getattr(found, name, None)) is not None), None)
    if not callable(found):
        raise TypeError(f"it has none of {', '.join(_LOADERS)}")
    return found
