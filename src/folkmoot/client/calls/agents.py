"""Calls of agents. Written by `make docs`."""

from collections.abc import Sequence

from folkmoot.client import wire
from folkmoot.client.resources.agents import AgentDetail, AgentPage, AgentStatus, Definition, DefinitionPage
from folkmoot.client.resources.core_agents import DynamicAgentMade, Initialized, OperatorAnswer, OperatorPending
from folkmoot.client.wire import Call
from folkmoot.kernel.json import JsonObject


def initialize_agents() -> Call[Initialized]:
    """Make Driver, Creator, Generator and the sample knowledge in the workspace; again it changes nothing."""
    return Call("POST", "/api/init", wire.one(Initialized))


def do_operator_task(
    task: str, *, context: str | JsonObject | None = None, idempotency_key: str | None = None
) -> Call[OperatorAnswer | OperatorPending]:
    """Give Driver a task and wait for its result, for at most 300 seconds."""
    return Call(
        "POST",
        "/api/agents/task",
        wire.either(wire.one(OperatorAnswer), 202, wire.one(OperatorPending)),
        body={"task": task, "context": context},
        is_long=True,
        takes_key=True,
        key=idempotency_key,
    )


def create_dynamic_agent(
    role: str,
    capabilities: Sequence[str],
    reason: str,
    *,
    name: str | None = None,
    ttl_seconds: int | None = None,
    idempotency_key: str | None = None,
) -> Call[DynamicAgentMade]:
    """Have Generator design an agent for a role, and make it."""
    return Call(
        "POST",
        "/api/agents/create",
        wire.one(DynamicAgentMade),
        body={"role": role, "capabilities": capabilities, "reason": reason, "name": name, "ttl_seconds": ttl_seconds},
        is_long=True,
        takes_key=True,
        key=idempotency_key,
    )


def list_agent_definitions(*, skip: int | None = None, limit: int | None = None) -> Call[DefinitionPage]:
    """What agents can be made of."""
    return Call("GET", "/api/agents/definitions", wire.one(DefinitionPage), query={"skip": skip, "limit": limit})


def delete_agent_definition(definition_id: str) -> Call[None]:
    """Delete a definition of the workspace's own; not while there are agents of it."""
    return Call(
        "DELETE", wire.path("/api/agents/definitions/{definition_id}", definition_id=definition_id), wire.nothing
    )


def list_agents(
    *,
    status: str | None = None,
    project_id: str | None = None,
    type: str | None = None,
    skip: int | None = None,
    limit: int | None = None,
) -> Call[AgentPage]:
    """The workspace's agents by number; `status` filters by the status they show."""
    return Call(
        "GET",
        "/api/agents",
        wire.one(AgentPage),
        query={"status": status, "project_id": project_id, "type": type, "skip": skip, "limit": limit},
    )


def create_agent(
    *,
    definition_id: str | None = None,
    definition_slug: str | None = None,
    name: str | None = None,
    project_id: str | None = None,
    config: JsonObject | None = None,
    activate: bool | None = None,
) -> Call[AgentDetail]:
    """Make an agent of a definition; one of a class is made even where a hook fails, with status `error`."""
    return Call(
        "POST",
        "/api/agents",
        wire.one(AgentDetail),
        body={
            "definition_id": definition_id,
            "definition_slug": definition_slug,
            "name": name,
            "project_id": project_id,
            "config": config,
            "activate": activate,
        },
    )


def get_agent(agent_id: str | int) -> Call[AgentDetail]:
    return Call("GET", wire.path("/api/agents/{agent_id}", agent_id=agent_id), wire.one(AgentDetail))


def change_agent(
    agent_id: str | int, *, name: str | None = None, config: JsonObject | None = None, status: str | None = None
) -> Call[AgentDetail]:
    """Change name, config or status: all of what is asked for, or nothing."""
    return Call(
        "PATCH",
        wire.path("/api/agents/{agent_id}", agent_id=agent_id),
        wire.one(AgentDetail),
        body={"name": name, "config": config, "status": status},
    )


def delete_agent(agent_id: str | int) -> Call[None]:
    """Delete an agent and its conversations; its number is not given again."""
    return Call("DELETE", wire.path("/api/agents/{agent_id}", agent_id=agent_id), wire.nothing)


def get_agent_status(agent_id: str | int) -> Call[AgentStatus]:
    """What the agent is doing, and how it has done so far."""
    return Call("GET", wire.path("/api/agents/{agent_id}/status", agent_id=agent_id), wire.one(AgentStatus))


def activate_agent(agent_id: str | int) -> Call[AgentDetail]:
    """Let the agent work."""
    return Call("POST", wire.path("/api/agents/{agent_id}/activate", agent_id=agent_id), wire.one(AgentDetail))


def deactivate_agent(agent_id: str | int) -> Call[AgentDetail]:
    """Let the agent rest: `idle`."""
    return Call("POST", wire.path("/api/agents/{agent_id}/deactivate", agent_id=agent_id), wire.one(AgentDetail))


def shutdown_agent(agent_id: str | int) -> Call[AgentDetail]:
    """End the agent's work: `offline`, and it no longer counts against the workspace's cap."""
    return Call("POST", wire.path("/api/agents/{agent_id}/shutdown", agent_id=agent_id), wire.one(AgentDetail))


def clone_agent(agent_id: str | int, *, name: str | None = None, ttl_seconds: int | None = None) -> Call[AgentDetail]:
    """Make another agent with the same configuration; what the first has said and kept stays with it."""
    return Call(
        "POST",
        wire.path("/api/agents/{agent_id}/clone", agent_id=agent_id),
        wire.one(AgentDetail),
        body={"name": name, "ttl_seconds": ttl_seconds},
    )


def export_agent(
    agent_id: str | int, *, slug: str | None = None, name: str | None = None, description: str | None = None
) -> Call[Definition]:
    """Make a definition of the workspace's own of the agent, or bring that of an earlier export up to date."""
    return Call(
        "POST",
        wire.path("/api/agents/{agent_id}/export", agent_id=agent_id),
        wire.one(Definition),
        body={"slug": slug, "name": name, "description": description},
    )
