"""The wire of agents, and the configuration every agent understands."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from folkmoot.agents.rules import AgentStatus
from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, Slug, Text
from folkmoot.kernel.json import JsonObject
from folkmoot.usage.schemas import AgentBudget

ModelName = Annotated[str, Field(max_length=255)]


class AgentConfig(BaseModel):
    """How an agent speaks. A definition's `config_schema` is this plus its own keys."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"additionalProperties": False})

    instructions: Annotated[str, Field(max_length=100_000)] = ""
    model: ModelName | None = None
    models: Annotated[tuple[ModelName, ...], Field(max_length=8)] = ()
    tools: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=64)] = ()
    knowledge_tags: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=64)] = ()
    history_limit: Annotated[int, Field(ge=0, le=1000)] = 50
    max_tokens: Annotated[int, Field(ge=1, le=200_000)] = 4096
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    output_schema: JsonObject | None = None
    budget: AgentBudget | None = None
    may_delegate: bool = False

    @property
    def preferred_models(self) -> tuple[str, ...]:
        """In order of preference; empty means the default model."""
        return tuple(dict.fromkeys([*([self.model] if self.model else []), *self.models]))


class NewAgent(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "definition_slug": "assistant",
                    "name": "Ada",
                    "config": {"instructions": "Be brief.", "tools": ["search_knowledge"]},
                }
            ]
        },
    )

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


class AgentChange(BaseModel):
    """`config` is merged over what there is, key by key; null takes a key out. `status` obeys the table."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Ada", "config": {"temperature": 0.2}}]}
    )

    name: Line | None = None
    config: JsonObject | None = None
    status: AgentStatus | None = None


class NewClone(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Ada the second"}]})

    name: Line | None = None
    ttl_seconds: Annotated[int, Field(ge=1, le=365 * 86_400)] | None = Field(
        None, description="After this time it ends, as if it was deleted"
    )


class NewExport(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"slug": "sql-reviewer"}]})

    slug: Slug | None = Field(None, description="The definition's; the agent's own where none is given")
    name: Line | None = None
    description: Annotated[Text, Field(max_length=4000)] | None = None


_AGENT: JsonObject = {
    "id": "01a1fdeb-528c-795c-a298-63e88eb6eb82",
    "number": 4,
    "slug": "ada",
    "name": "Ada",
    "type": "assistant",
    "agent_type": "assistant",
    "role": None,
    "status": "active",
    "description": "A plain assistant",
    "capabilities": ["chat"],
    "definition_id": "01a1fdeb-4e27-785a-94fa-5c10c491a2b6",
    "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
    "project_id": "01a1fdeb-4e2b-7fcb-8194-8f8fed760416",
    "config": {"instructions": "Be brief."},
    "state": {},
    "origin": {"kind": "definition", "by": {"kind": "user", "id": "local"}},
    "ttl_at": None,
    "current_run_id": None,
    "last_heartbeat": None,
    "last_error": None,
    "created_at": "2026-11-21T11:43:40.174309Z",
    "updated_at": "2026-11-21T11:43:40.174313Z",
}


class AgentView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [_AGENT]})

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


class AgentWarning(BaseModel):
    code: Literal["unknown_tool"]
    sentence: str
    tool: str


class AgentDetail(AgentView):
    """An agent by itself; `warnings` say what of its config has no effect as things are now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_AGENT,
                    "config": {"instructions": "Be brief.", "tools": ["serch_knowledge"]},
                    "warnings": [
                        {
                            "code": "unknown_tool",
                            "sentence": "There is no tool serch_knowledge here now; it is passed over",
                            "tool": "serch_knowledge",
                        }
                    ],
                }
            ]
        }
    )

    warnings: list[AgentWarning]


class AgentPage(Page):
    agents: list[AgentView]


class DefinitionView(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01a1fdeb-4e27-785a-94fa-5c10c491a2b6",
                    "name": "Assistant",
                    "slug": "assistant",
                    "agent_type": "assistant",
                    "description": "A plain assistant",
                    "capabilities": ["chat"],
                    "config_schema": {"type": "object", "properties": {"instructions": {"type": "string"}}},
                    "metadata": {},
                }
            ]
        }
    )

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
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "agent_id": "01a1fdeb-528c-795c-a298-63e88eb6eb82",
                    "agent_name": "Ada",
                    "agent_type": "assistant",
                    "status": "active",
                    "capabilities": ["chat"],
                    "task_count": 1,
                    "success_count": 1,
                    "error_count": 0,
                    "success_rate": 1.0,
                    "avg_task_duration": 0.9,
                    "created_at": "2026-11-21T11:43:40.174309Z",
                    "last_active_at": "2026-11-21T11:43:40.217977Z",
                    "current_run_id": None,
                    "last_error": None,
                }
            ]
        }
    )

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
