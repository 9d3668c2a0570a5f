"""Filling a team's seats: the agents it names with the configuration they have now, as the journal will hold it."""

from folkmoot.agents.queries import NoSuchAgent, find_agent
from folkmoot.agents.schemas import AgentConfig
from folkmoot.agents.tables import Agent
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Invalid
from folkmoot.kernel.scope import Scope
from folkmoot.tasks.rules import AD_HOC, NoSuchTeam
from folkmoot.teams.queries import find_team
from folkmoot.teams.schemas import AgentSeat, RoleSeat, TeamSpec
from folkmoot.teams.team import BUILT_IN, Person, Role, Team


class UnusableTeam(Invalid):
    """The team cannot work like that"""


def seat_team(tx: Tx, scope: Scope, wanted: str | list[str]) -> Team:
    """The team of that slug, or one of these agents, who plan together and whose first one leads.

    Raises NoSuchTeam, NoSuchAgent, UnusableTeam.
    """
    if not isinstance(wanted, str):
        agents = tuple(AgentSeat(agent=ref) for ref in wanted)
        return seated(tx, scope, TeamSpec(slug=AD_HOC, lead=agents[0], members=agents))
    stored = find_team(tx, scope, wanted)
    if stored is not None:
        return seated(tx, scope, TeamSpec.model_validate({**stored.spec, "slug": stored.slug}))
    if wanted not in BUILT_IN:
        raise NoSuchTeam
    return BUILT_IN[wanted]


def seated(tx: Tx, scope: Scope, spec: TeamSpec) -> Team:
    """Raises NoSuchAgent, and UnusableTeam where two seats could not be told apart."""
    reviewer = spec.reviewer
    team = Team(
        slug=spec.slug,
        lead=_role(tx, scope, spec.lead),
        members=tuple(_role(tx, scope, seat) for seat in spec.members),
        reviewer=reviewer if reviewer is None or isinstance(reviewer, Person) else _role(tx, scope, reviewer),
        orchestration=spec.orchestration,
        limits=spec.limits,
        approval=spec.approval,
    )
    _check_seats(team)
    return team


def with_ids(tx: Tx, scope: Scope, spec: TeamSpec) -> TeamSpec:
    """The spec with its agents by their ids, which stay theirs whatever they are called. Raises NoSuchAgent."""

    def known(seat: AgentSeat | RoleSeat) -> AgentSeat | RoleSeat:
        if isinstance(seat, RoleSeat):
            return seat
        return seat.model_copy(update={"agent": _agent(tx, scope, seat.agent).id})

    reviewer = spec.reviewer
    changed = {
        "lead": known(spec.lead),
        "members": tuple(known(seat) for seat in spec.members),
        "reviewer": reviewer if reviewer is None or isinstance(reviewer, Person) else known(reviewer),
    }
    return spec.model_copy(update=changed)


def _check_seats(team: Team) -> None:
    slugs = [role.slug for role in team.members]
    if len(set(slugs)) < len(slugs):
        raise UnusableTeam("Each member sits in the team once", members=[*slugs])
    known = {role.slug: role for role in reversed(team.seats)}
    if twice := sorted({role.slug for role in team.seats if known[role.slug] != role}):
        raise UnusableTeam(f"Two seats of the team are called {', '.join(twice)}", slugs=[*twice])


def _role(tx: Tx, scope: Scope, seat: AgentSeat | RoleSeat) -> Role:
    if isinstance(seat, RoleSeat):
        return Role(
            slug=seat.slug,
            name=seat.name or seat.slug,
            title=seat.title or seat.name or seat.slug,
            instructions=seat.instructions,
            models=seat.preferred_models,
            tools=seat.tools,
        )
    agent = _agent(tx, scope, seat.agent)
    config = AgentConfig.model_validate(agent.config)
    return Role(
        slug=agent.slug,
        name=agent.name,
        title=seat.title or agent.role or agent.agent_type,
        instructions=config.instructions or agent.description,
        agent_id=agent.id,
        models=config.preferred_models,
        tools=tuple(config.tools),
        knowledge_tags=tuple(config.knowledge_tags),
        max_tokens=config.max_tokens,
        temperature=config.temperature,
    )


def _agent(tx: Tx, scope: Scope, ref: str) -> Agent:
    agent = find_agent(tx, scope, ref)
    if agent is None:
        raise NoSuchAgent
    return agent
