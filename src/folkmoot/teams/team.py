"""A team as a run sees it: every seat filled, so that the journal holds all that the run depends on."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.teams.rules import Plan

Orchestration = Literal["plan", "round_robin", "selector", "handoff", "supervisor"]

PERSON = "person"
"""The slug of a person in the reviewer's seat; no role and no agent in a team has it."""


class Role(BaseModel):
    """One seat of a team. `slug` is how plans and journals name it, `name` how people do.

    A seat that an agent has taken carries the agent's id, and its configuration as it was when the run began.
    """

    model_config = ConfigDict(frozen=True)

    slug: str
    name: str
    title: str
    instructions: str
    agent_id: str | None = None
    models: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    knowledge_tags: tuple[str, ...] = ()
    max_tokens: int = 4096
    temperature: float | None = None


class Person(BaseModel):
    """A person in the reviewer's seat: each review is an approval that somebody decides."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: Literal[True] = True

    @property
    def slug(self) -> str:
        return PERSON

    @property
    def name(self) -> str:
        return "A person"


class Limits(BaseModel):
    """What bounds a team's runs; of a task's limit and the team's the lower one counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_rounds: Annotated[int, Field(ge=1, le=20)] | None = Field(None, description="Rounds of work and review")
    max_revision_rounds: Annotated[int, Field(ge=0, le=5)] | None = Field(
        None, description="Rounds that follow from findings"
    )
    max_turns: Annotated[int, Field(ge=1, le=100)] = Field(30, description="Statements of a conversation")
    max_delegations: Annotated[int, Field(ge=1, le=8)] = Field(8, description="What a supervisor may hand out")
    step_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] | None = Field(
        None, description="Wall clock of one step or statement, retries and tools included"
    )


class Consent(BaseModel):
    """What a person has to agree to before the team goes on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: bool = Field(False, description="Each plan, before anybody works on it")


class Team(BaseModel):
    """The journal of a run holds the team it began with, so that changing a team changes no run."""

    model_config = ConfigDict(frozen=True)

    slug: str
    lead: Role
    members: tuple[Role, ...]
    reviewer: Role | Person | None = None
    orchestration: Orchestration = "plan"
    limits: Limits = Limits()
    approval: Consent = Consent()

    def role(self, slug: str) -> Role:
        """The seat of that slug. Raises KeyError."""
        return {role.slug: role for role in reversed(self.seats)}[slug]

    def name_of(self, slug: str) -> str:
        """How people call who sits there. Raises KeyError."""
        return Person().name if slug == PERSON else self.role(slug).name

    def member(self, named: str) -> Role | None:
        """The member that a language model means: by slug, name or title, whatever its letter case."""
        wanted = named.strip().casefold()
        for role in self.members:
            if wanted in (role.slug.casefold(), role.name.casefold(), role.title.casefold()):
                return role
        return None

    def seated(self, plan: Plan) -> Plan:
        """The plan with its roles as slugs, where they mean a member."""
        steps = ((step, self.member(step.role)) for step in plan.steps)
        changed = (step.model_copy(update={"role": role.slug}) if role else step for step, role in steps)
        return plan.model_copy(update={"steps": tuple(changed)})

    @property
    def seats(self) -> tuple[Role, ...]:
        """The lead, the members and a reviewer who is no person."""
        return (self.lead, *self.members, *([self.reviewer] if isinstance(self.reviewer, Role) else []))

    @property
    def speakers(self) -> tuple[Role, ...]:
        """Who has a say in a conversation, the lead first, each once."""
        return tuple({role.slug: role for role in (self.lead, *self.members)}.values())


MGX = Team(
    slug="mgx",
    lead=Role(
        slug="team_leader",
        name="Mike",
        title="Team leader",
        instructions=(
            "You lead the team. You analyse the task, split it into the fewest steps that really deliver it, "
            "give each step to the member who fits it, and say by what it will be accepted. At the end you "
            "report what was delivered and, without gloss, what is still open."
        ),
    ),
    members=(
        Role(
            slug="engineer",
            name="Alex",
            title="Engineer",
            instructions=(
                "You do the work itself: you research, design, write and build. You deliver the finished "
                "result of your step in full, ready to be used, not a description of what you would do."
            ),
        ),
        Role(
            slug="tester",
            name="Bob",
            title="Tester",
            instructions=(
                "You check what others made against its acceptance lines and the sources. You name every "
                "fault with the place where it is and the evidence for it, and you say plainly what holds."
            ),
        ),
    ),
    reviewer=Role(
        slug="reviewer",
        name="Charlie",
        title="Reviewer",
        instructions=(
            "You decide whether the team's work is accepted. You compare each step's output with its "
            "acceptance lines, you ask for changes only where a line is not met, and you say in which step "
            "and what must become different."
        ),
    ),
)

BUILT_IN = {team.slug: team for team in (MGX,)}
