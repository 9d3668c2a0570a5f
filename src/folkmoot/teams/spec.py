"""Teams as data: who leads, who works, who reviews, and what each is told to be."""

from pydantic import BaseModel, ConfigDict

from folkmoot.tasks.rules import NoSuchTeam
from folkmoot.teams.rules import Plan


class Role(BaseModel):
    """One seat of a team. `slug` is how plans and journals name it, `name` how people do."""

    model_config = ConfigDict(frozen=True)

    slug: str
    name: str
    title: str
    instructions: str


class TeamSpec(BaseModel):
    """A team. The journal of a run holds the spec it began with, so that changing a team changes no run."""

    model_config = ConfigDict(frozen=True)

    slug: str
    lead: Role
    members: tuple[Role, ...]
    reviewer: Role | None = None

    def role(self, slug: str) -> Role:
        """The seat of that slug. Raises KeyError."""
        return {role.slug: role for role in self.seats}[slug]

    def member(self, named: str) -> Role | None:
        """The member a plan means: by slug, name or title, whatever its letter case."""
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
        return (self.lead, *self.members, *([self.reviewer] if self.reviewer else []))


MGX = TeamSpec(
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

_BUILT_IN = {team.slug: team for team in (MGX,)}


def get_team(slug: str) -> TeamSpec:
    """Raises NoSuchTeam, naming the teams there are."""
    team = _BUILT_IN.get(slug)
    if team is None:
        raise NoSuchTeam(f"Team not found: {slug[:64]}. There is: {', '.join(_BUILT_IN)}", team=slug[:64])
    return team
