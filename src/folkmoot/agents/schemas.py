"""The wire of agents, and the configuration every agent understands."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line
from folkmoot.kernel.json import JsonObject

ModelName = Annotated[str, Field(max_length=255)]


class AgentConfig(BaseModel):
    """How an agent speaks. A definition's `config_schema` is this plus its own keys."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"additionalProperties": False})

    instructions: Annotated[str, Field(max_length=100_000)] = ""
    model: ModelName | None = None
    models: Annotated[list[ModelName], Field(max_length=8)] = []
    tools: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=64)] = []
    knowledge_tags: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=64)] = []
    history_limit: Annotated[int, Field(ge=0, le=1000)] = 50
    max_tokens: Annotated[int, Field(ge=1, le=200_000)] = 4096
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    output_schema: JsonObject | None = None

    @property
    def preferred_models(self) -> tuple[str, ...]:
        """In order of preference; empty means the default model."""
        return tuple(dict.fromkeys([*([self.model] if self.model else []), *self.models]))


class NewAgent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    definition_id: Line | None = None
    definition_slug: Line | None = None
    name: Line | None = None
    project_id: Line | None = None
    config: JsonObject = Field(default_factory=dict)
    activate: bool = True

    @model_validator(mode="after")
    def _one_definition(self) -> Self:
        if (self.definition_id is None) == (self.definition_slug is None):
            raise ValueError("give either definition_id or definition_slug")
        return self


class AgentView(BaseModel):
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
    last_heartbeat: datetime | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime


class AgentPage(Page):
    agents: list[AgentView]


class DefinitionView(BaseModel):
    id: str
    name: str
    slug: str
    agent_type: str
    description: str
    capabilities: list[str]
    config_schema: JsonObject
    metadata: JsonObject


class DefinitionPage(Page):
    definitions: list[DefinitionView]


class AgentStatusView(BaseModel):
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
