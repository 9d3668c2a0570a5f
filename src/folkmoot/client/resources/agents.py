"""What operations of agents answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class AgentWarning(Resource):
    code: str
    sentence: str
    tool: str


class AgentDetail(Resource):
    """An agent by itself; `warnings` say what of its config has no effect as things are now."""

    id: str
    number: int
    slug: str
    name: str
    type: str
    agent_type: str
    role: str | None
    status: str
    description: str
    capabilities: list[str]
    definition_id: str
    workspace_id: str
    project_id: str
    config: JsonObject
    state: JsonObject
    origin: JsonObject
    ttl_at: datetime | None
    current_run_id: str | None
    last_heartbeat: datetime | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime
    warnings: list[AgentWarning]


class Agent(Resource):
    id: str
    number: int
    slug: str
    name: str
    type: str
    agent_type: str
    role: str | None
    status: str
    description: str
    capabilities: list[str]
    definition_id: str
    workspace_id: str
    project_id: str
    config: JsonObject
    state: JsonObject
    origin: JsonObject
    ttl_at: datetime | None
    current_run_id: str | None
    last_heartbeat: datetime | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime


class AgentPage(Resource):
    total: int
    skip: int
    limit: int
    agents: list[Agent]


class AgentStatus(Resource):
    agent_id: str
    agent_name: str
    agent_type: str
    status: str
    capabilities: list[str]
    task_count: int
    success_count: int
    error_count: int
    success_rate: float
    avg_task_duration: float
    created_at: datetime
    last_active_at: datetime | None
    current_run_id: str | None
    last_error: str | None


class Definition(Resource):
    id: str
    name: str
    slug: str
    agent_type: str
    description: str
    capabilities: list[str]
    config_schema: JsonObject
    metadata: JsonObject


class DefinitionPage(Resource):
    total: int
    skip: int
    limit: int
    definitions: list[Definition]
