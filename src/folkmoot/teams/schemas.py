"""Teams on the wire, in YAML files and in Python: who leads, who works, who reviews, and how they go about it."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from folkmoot.agents.schemas import AgentWarning, ModelName
from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, Slug, Text
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import JsonObject
from folkmoot.teams.team import PERSON, Consent, Limits, Orchestration, Person

MOST_MEMBERS = 20
_EXAMPLE: JsonObject = {
    "slug": "desk",
    "name": "Research desk",
    "description": "Answers questions from the documents, with sources",
    "orchestration": "selector",
    "lead": {"slug": "editor", "name": "Ed", "instructions": "You see that the question is answered, and briefly."},
    "members": [
        {"agent": "01a1fdeb-528c-795c-a298-63e88eb6eb82"},
        {"slug": "checker", "instructions": "You check each claim against its source.", "tools": ["search_knowledge"]},
    ],
    "reviewer": {"person": True},
    "limits": {"max_turns": 12, "step_timeout_seconds": 120},
    "approval": {"plan": False},
}


class Strict(BaseModel):
    """An unknown member is an error, not a silent loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AgentSeat(Strict):
    """An agent of the workspace: its configuration, language model, tools and knowledge are used."""

    agent: Annotated[Line, Field(description="Its id, number or slug")]
    title: Line | None = Field(None, description="What it is in this team; default: what its definition says")


class RoleSeat(Strict):
    """A role that is no agent: it lives in its team only."""

    slug: Slug
    name: Line | None = None
    title: Line | None = None
    instructions: Text
    model: ModelName | None = None
    models: Annotated[tuple[ModelName, ...], Field(max_length=8)] = ()
    tools: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=64)] = ()

    @model_validator(mode="after")
    def _nobody_else(self) -> Self:
        if self.slug == PERSON:
            raise ValueError(f"{PERSON} stands for a person")
        return self

    @property
    def preferred_models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*([self.model] if self.model else []), *self.models]))


def _named(seat: object) -> object:
    """An agent may be given by its reference alone."""
    if isinstance(seat, int) and not isinstance(seat, bool):
        return {"agent": str(seat)}
    return {"agent": seat} if isinstance(seat, str) else seat


Seat = Annotated[
    AgentSeat | RoleSeat,
    BeforeValidator(_named, json_schema_input_type=str | int | AgentSeat | RoleSeat),
]
Reviewer = Annotated[
    Person | AgentSeat | RoleSeat,
    BeforeValidator(_named, json_schema_input_type=str | int | Person | AgentSeat | RoleSeat),
]
Members = Annotated[tuple[Seat, ...], Field(min_length=1, max_length=MOST_MEMBERS)]


class TeamSpec(Strict):
    """A team as somebody says it: agents of a workspace and roles of its own in its seats."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    slug: Slug
    name: Line | None = None
    description: Annotated[str, Field(max_length=2000)] = ""
    orchestration: Orchestration = "plan"
    lead: Seat
    members: Members
    reviewer: Reviewer | None = None
    limits: Limits = Limits()
    approval: Consent = Consent()

    @model_validator(mode="after")
    def _is_a_team(self) -> Self:
        if is_id(self.slug):
            raise ValueError("a slug that is an id would be taken for one")
        roles = [seat for seat in (self.lead, *self.members, self.reviewer) if isinstance(seat, RoleSeat)]
        known = {role.slug: role for role in reversed(roles)}
        if twice := sorted({role.slug for role in roles if known[role.slug] != role}):
            raise ValueError(f"two roles have the slug {', '.join(twice)}")
        if self.approval.plan and self.orchestration != "plan":
            raise ValueError(f"a team that works by {self.orchestration} makes no plan to be approved")
        return self


class NewTeam(TeamSpec):
    """A team for the workspace."""


class TeamChange(Strict):
    """What is not given stays; `reviewer` null takes the reviewer away. Runs that have begun keep the team they had."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reviewer": {"person": True}, "limits": {}}]})

    name: Line | None = None
    description: Annotated[str, Field(max_length=2000)] | None = None
    orchestration: Orchestration | None = None
    lead: Seat | None = None
    members: Members | None = None
    reviewer: Reviewer | None = None
    limits: Limits | None = None
    approval: Consent | None = None

    def over(self, spec: JsonObject) -> JsonObject:
        """The spec with what was given in it."""
        given = self.model_dump(mode="json", include=self.model_fields_set)
        nullable = {"reviewer", "name"}
        return {**spec, **{name: value for name, value in given.items() if value is not None or name in nullable}}


_SHOWN: JsonObject = {
    **_EXAMPLE,
    "id": "01a1fdeb-5f4c-7e24-8a48-bf93d8189c23",
    "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
    "project_id": "01a1fdeb-4e2b-7fcb-8194-8f8fed760416",
    "is_built_in": False,
    "created_at": "2026-11-21T11:43:40.194202Z",
    "updated_at": "2026-11-21T11:43:40.194202Z",
}


class TeamView(BaseModel):
    """A built-in team has no id and belongs to no project; it can be neither changed nor deleted."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN]})

    id: str | None
    workspace_id: str
    project_id: str | None
    slug: str
    name: str
    description: str
    orchestration: Orchestration
    lead: AgentSeat | RoleSeat
    members: list[AgentSeat | RoleSeat]
    reviewer: Person | AgentSeat | RoleSeat | None
    limits: Limits
    approval: Consent
    is_built_in: bool
    created_at: datetime | None
    updated_at: datetime | None


class RoleWarning(AgentWarning):
    role: str


class TeamDetail(TeamView):
    """A team by itself; `warnings` say which tools its roles name that there are not now. An agent has its own."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_SHOWN, "warnings": []}]})

    warnings: list[RoleWarning]


class TeamPage(Page):
    teams: list[TeamView]
