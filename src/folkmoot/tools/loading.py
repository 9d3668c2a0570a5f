"""Tools of installed packages: entry points of the group `folkmoot.tools`."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points

from folkmoot.kernel.errors import Problem
from folkmoot.tools.registry import Tool, ToolRegistry

GROUP = "folkmoot.tools"

_log = logging.getLogger(__name__)


class ToolPackageFailed(Problem):
    """A package's tools cannot be loaded"""

    hint = "An entry point of the group folkmoot.tools is a Tool, a list of them, or a function that returns them"


def load_tools(registry: ToolRegistry) -> None:
    """Register what installed packages offer; each tool's `source` is its package's name.

    Raises ToolPackageFailed, naming the entry point: a server without a tool that it is asked for would only
    fail later, in the middle of somebody's run.
    """
    for entry in entry_points(group=GROUP):
        source = entry.dist.name if entry.dist is not None else entry.name
        try:
            found = [replace(tool, source=source) for tool in _tools(entry)]
            for tool in found:
                registry.register(tool)
        except (Exception, SystemExit) as error:
            raise ToolPackageFailed(
                f"entry point {entry.name} ({entry.value}) cannot be loaded: {type(error).__name__}: {error}"
            ) from error
        _log.info("tools of %s: %s", source, ", ".join(tool.name for tool in found))


def _tools(entry: EntryPoint) -> list[Tool]:
    """Whatever somebody else's code raises here is said where it comes from."""
    found: object = entry.load()
    if not isinstance(found, Tool) and callable(found):
        found = found()
    tools = [found] if isinstance(found, Tool) else list(found) if isinstance(found, Iterable) else []
    if not tools or not all(isinstance(tool, Tool) for tool in tools):
        raise TypeError("it offers no tools")
    return tools
