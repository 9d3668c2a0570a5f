"""What operations of teams answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource


class AgentSeat(Resource):
    """An agent of the workspace: its configuration, language model, tools and knowledge are used."""

    agent: str
    title: str | None = None


class Consent(Resource):
    """What a person has to agree to before the team goes on."""

    plan: bool | None = None


class Limits(Resource):
    """What bounds a team's runs; of a task's limit and the team's the lower one counts."""

    max_rounds: int | None = None
    max_revision_rounds: int | None = None
    max_turns: int | None = None
    max_delegations: int | None = None
    step_timeout_seconds: int | None = None


class Person(Resource):
    """A person in the reviewer's seat: each review is an approval that somebody decides."""

    person: bool | None = None


class RoleSeat(Resource):
    """A role that is no agent: it lives in its team only."""

    slug: str
    name: str | None = None
    title: str | None = None
    instructions: str
    model: str | None = None
    models: list[str] | None = None
    tools: list[str] | None = None


class RoleWarning(Resource):
    code: str
    sentence: str
    tool: str
    role: str


class TeamDetail(Resource):
    """A team by itself; `warnings` say which tools its roles name that there are not now. An agent has its own."""

    id: str | None
    workspace_id: str
    project_id: str | None
    slug: str
    name: str
    description: str
    orchestration: str
    lead: AgentSeat | RoleSeat
    members: list[AgentSeat | RoleSeat]
    reviewer: Person | AgentSeat | RoleSeat | None
    limits: Limits
    approval: Consent
    is_built_in: bool
    created_at: datetime | None
    updated_at: datetime | None
    warnings: list[RoleWarning]


class Team(Resource):
    """A built-in team has no id and belongs to no project; it can be neither changed nor deleted."""

    id: str | None
    workspace_id: str
    project_id: str | None
    slug: str
    name: str
    description: str
    orchestration: str
    lead: AgentSeat | RoleSeat
    members: list[AgentSeat | RoleSeat]
    reviewer: Person | AgentSeat | RoleSeat | None
    limits: Limits
    approval: Consent
    is_built_in: bool
    created_at: datetime | None
    updated_at: datetime | None


class TeamPage(Resource):
    total: int
    skip: int
    limit: int
    teams: list[Team]
