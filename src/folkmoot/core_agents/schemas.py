"""The wire of the core agents."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.core_agents.rules import SpecSource
from folkmoot.http.text import Line, Metadata, Text
from folkmoot.knowledge.citing import Citation
from folkmoot.runs.approval_schemas import ApprovalView

LONGEST_TTL = 365 * 86_400


class SystemState(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"api": "running", "agents_initialized": True, "database": "connected"}]}
    )

    api: Literal["running"] = "running"
    agents_initialized: bool = Field(description="Whether the workspace has its core agents")
    database: Literal["connected", "unreachable"] = Field(description="The database was asked for this answer")


class Initialized(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "initialized",
                    "message": "The core agents are ready",
                    "agents": {"driver": "initialized", "creator": "initialized", "generator": "initialized"},
                }
            ]
        }
    )

    status: Literal["initialized", "already_initialized"]
    message: str
    agents: dict[str, str]


class OperatorTask(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"task": "Research Python web frameworks", "context": {"audience": "juniors"}}]
        },
    )

    task: Text
    context: Text | Metadata | None = Field(None, description="What Driver has to know for it")


class OperatorAnswer(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "success": True,
                    "agent": "Driver",
                    "response": "Three frameworks fit ...",
                    "citations": [],
                    "unknown_citations": [],
                    "workflow_id": "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23",
                    "run_id": "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23",
                }
            ]
        }
    )

    success: bool
    agent: str
    response: str
    citations: tuple[Citation, ...] = ()
    unknown_citations: tuple[str, ...] = ()
    workflow_id: str
    run_id: str


class OperatorPending(BaseModel):
    """Driver has not finished: it waits for a person, or goes on without the request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "agent": "Driver",
                    "workflow_id": "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23",
                    "run_id": "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23",
                    "status": "awaiting_approval",
                    "waiting_for": "person",
                    "approvals": [],
                }
            ]
        }
    )

    agent: str
    workflow_id: str
    run_id: str
    status: str
    waiting_for: str | None
    approvals: list[ApprovalView] = Field(description="What the run asks, to be resolved by a person")


class NewDynamicAgent(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "role": "Python Developer",
                    "capabilities": ["coding", "testing"],
                    "reason": "Need to implement REST API",
                }
            ]
        },
    )

    role: Line
    capabilities: Annotated[list[Annotated[Line, Field(max_length=200)]], Field(min_length=1, max_length=32)]
    reason: Annotated[Text, Field(max_length=4000)]
    name: Annotated[Line, Field(max_length=120)] | None = None
    ttl_seconds: Annotated[int, Field(ge=1, le=LONGEST_TTL)] | None = Field(
        None, description="After this time it ends, as if it was deleted"
    )


class DynamicAgent(BaseModel):
    id: str
    number: int
    name: str
    role: str
    type: str
    status: str
    description: str


class DynamicAgentMade(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "success": True,
                    "agent": {
                        "id": "01a1fdeb-528c-795c-a298-63e88eb6eb82",
                        "number": 4,
                        "name": "Python Developer",
                        "role": "Python Developer",
                        "type": "dynamic",
                        "status": "active",
                        "description": "Python Developer: Need to implement REST API",
                    },
                    "spec_source": "llm",
                    "message": "Python Developer is agent 4",
                    "run_id": "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23",
                }
            ]
        }
    )

    success: bool
    agent: DynamicAgent
    spec_source: SpecSource = Field(description="Whether a language model designed it, or the template stood in")
    message: str
    run_id: str


class NewDesign(BaseModel):
    """What a run of kind `design` is started with; `maker` is the id of the agent that wants it made, if one does."""

    model_config = ConfigDict(extra="ignore")

    role: Line
    capabilities: Annotated[list[Line], Field(min_length=1, max_length=32)]
    reason: Annotated[Text, Field(max_length=4000)]
    name: Annotated[Line, Field(max_length=120)] | None = None
    ttl_seconds: Annotated[int, Field(ge=1, le=LONGEST_TTL)] | None = None
    maker: str | None = None
