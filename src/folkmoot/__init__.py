"""Folkmoot: a self-hosted backend where teams of AI agents and people work, debate and decide."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from folkmoot.app import create_app
    from folkmoot.surface import (
        AgentContext,
        AgentContextVersion,
        AgentDefinition,
        AgentInstance,
        AgentRegistry,
        AgentSeat,
        AgentStatus,
        BackgroundTaskRunner,
        BaseAgent,
        Consent,
        ContextRollbackState,
        Limits,
        MGXStyleTeam,
        MGXTeamProvider,
        NoRunningApp,
        Person,
        RoleSeat,
        SharedContextService,
        TaskProcessor,
        TaskStatus,
        TeamProvider,
        TeamSpec,
        Tool,
        ToolContext,
        get_current_user,
        get_task_processor,
        get_task_runner,
        get_team_provider,
        typed_tool,
    )

__all__ = [
    "AgentContext",
    "AgentContextVersion",
    "AgentDefinition",
    "AgentInstance",
    "AgentRegistry",
    "AgentSeat",
    "AgentStatus",
    "BackgroundTaskRunner",
    "BaseAgent",
    "Consent",
    "ContextRollbackState",
    "Limits",
    "MGXStyleTeam",
    "MGXTeamProvider",
    "NoRunningApp",
    "Person",
    "RoleSeat",
    "SharedContextService",
    "TaskProcessor",
    "TaskStatus",
    "TeamProvider",
    "TeamSpec",
    "Tool",
    "ToolContext",
    "create_app",
    "get_current_user",
    "get_task_processor",
    "get_task_runner",
    "get_team_provider",
    "typed_tool",
]


def __getattr__(name: str) -> object:
    """The public names are looked for when they are asked for: `import folkmoot` loads nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("folkmoot.app" if name == "create_app" else "folkmoot.surface"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
