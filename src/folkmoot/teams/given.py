"""What a run of a team is started with, and what of it the journal holds."""

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.kernel.errors import Invalid
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.journal import Call
from folkmoot.teams.team import Team


class NoPlanToApprove(Invalid):
    """A team that makes no plan cannot have its plan approved"""


class TeamRequest(BaseModel):
    """What a run of a team is started with; `team` is its slug, or the agents of one for this once."""

    model_config = ConfigDict(extra="forbid")

    team: str | list[str]
    name: str
    description: str
    documents: list[str] = Field(default_factory=list)
    models: list[str] = Field(default_factory=list)
    plan_approval: bool | None = None
    step_timeout_seconds: int | None = None
    max_rounds: int
    max_revision_rounds: int
    memory_size: int


class AttachedDocument(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str
    title: str


class TeamInput(BaseModel):
    """What the journal's first entry holds of a team's run."""

    model_config = ConfigDict(frozen=True)

    team: Team
    name: str
    description: str
    documents: tuple[AttachedDocument, ...] = ()
    models: tuple[str, ...] = ()
    max_rounds: int
    max_revision_rounds: int
    memory_size: int

    @property
    def step_seconds(self) -> float | None:
        """Wall clock that one step or statement may take."""
        return self.team.limits.step_timeout_seconds


class TeamChanges(BaseModel):
    """What a run that goes on with the beginning of another may have otherwise."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, min_length=1, max_length=255)
    description: str | None = Field(None, min_length=1, max_length=100_000)
    models: list[str] | None = Field(None, max_length=8)
    max_rounds: int | None = Field(None, ge=1, le=20)
    max_revision_rounds: int | None = Field(None, ge=0, le=5)
    memory_size: int | None = Field(None, ge=1, le=1000)


def opened(request: TeamRequest, team: Team, documents: tuple[AttachedDocument, ...]) -> JsonObject:
    """The input as the journal holds it: of two limits the lower one counts, of two wishes the request's.

    Raises NoPlanToApprove.
    """
    if request.plan_approval and team.orchestration != "plan":
        raise NoPlanToApprove(f"The team {team.slug} works by {team.orchestration} and makes no plan to be approved")
    approval, limits = team.approval, team.limits
    if request.plan_approval is not None:
        approval = approval.model_copy(update={"plan": request.plan_approval})
    if request.step_timeout_seconds is not None:
        limits = limits.model_copy(update={"step_timeout_seconds": request.step_timeout_seconds})
    given = TeamInput(
        team=team.model_copy(update={"approval": approval, "limits": limits}),
        name=request.name,
        description=request.description,
        documents=documents,
        models=tuple(request.models),
        max_rounds=_lower(request.max_rounds, limits.max_rounds),
        max_revision_rounds=_lower(request.max_revision_rounds, limits.max_revision_rounds),
        memory_size=request.memory_size,
    )
    return given.model_dump(mode="json")


def _lower(given: int, limit: int | None) -> int:
    return given if limit is None else min(given, limit)


def form_call(given: TeamInput, role: str, key: str, form: str) -> Call:
    """One call, in which a role is asked to fill in the form of that name."""
    seat = given.team.role(role)
    return Call(
        key=key,
        group=key,
        role=role,
        recipe={"kind": form},
        agent_id=seat.agent_id,
        output=form,
        max_tokens=seat.max_tokens,
        closing=form == "summary",
        limit_seconds=given.step_seconds,
    )
