"""Calls of health. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.core_agents import SystemState
from folkmoot.client.resources.ops import Details, Health, Readiness, SystemStatus
from folkmoot.client.wire import Call


def get_status() -> Call[SystemState]:
    """Whether the API runs, the workspace has its core agents, and the database answers."""
    return Call("GET", "/api/status", wire.one(SystemState))


def get_health() -> Call[Health]:
    """Always cheap: touches nothing."""
    return Call("GET", "/api/health", wire.one(Health))


def get_liveness() -> Call[Health]:
    """The process answers."""
    return Call("GET", "/api/health/live", wire.one(Health))


def get_readiness() -> Call[Readiness]:
    """The database answers and the engine works; else 503 with the failing part named."""
    return Call("GET", "/api/health/ready", wire.one(Readiness))


def get_health_status() -> Call[Details]:
    """Versions, uptime, dependencies with latency, queue depth; answers 200 whatever it says."""
    return Call("GET", "/api/health/status", wire.one(Details))


def get_system_status() -> Call[SystemStatus]:
    """The workspace's agents and how they have done, and the server's figures."""
    return Call("GET", "/api/system/status", wire.one(SystemStatus))
