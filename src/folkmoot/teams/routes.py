"""Teams over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from folkmoot.agents.queries import NoSuchAgent
from folkmoot.http.deps import Db, Models
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.llm.faults import UnknownModel
from folkmoot.tasks.rules import NoSuchTeam
from folkmoot.teams import queries, service
from folkmoot.teams.queries import team_view
from folkmoot.teams.schemas import NewTeam, TeamChange, TeamPage, TeamView
from folkmoot.teams.seating import UnusableTeam
from folkmoot.teams.service import BuiltInTeam, TeamSlugTaken, TooManyTeams
from folkmoot.workspaces.deps import Here

_HOME = "/api/teams"
_SEATS = (NoSuchAgent, UnusableTeam, UnknownModel)

TeamRef = Annotated[str, Path(max_length=255, description="The team's id or slug")]

router = APIRouter(prefix=_HOME, tags=["teams"])


@router.get("")
async def list_teams(db: Db, here: Here, paging: Paging) -> TeamPage:
    """The built-in ones first, then by slug."""
    found, total = await db.read_long(queries.list_teams, here, paging.skip, paging.limit)
    return TeamPage(teams=found, total=total, skip=paging.skip, limit=paging.limit)


@router.post("", status_code=201, responses=problems(BuiltInTeam, TeamSlugTaken, TooManyTeams, *_SEATS))
async def create_team(new: NewTeam, db: Db, models: Models, here: Here, response: Response) -> TeamView:
    """Make a team of agents of the workspace and roles of its own."""
    team = await db.write(service.create_team, models, here, new)
    response.headers["Location"] = f"{_HOME}/{team.id}"
    return team_view(team)


@router.get("/{team_id}", responses=problems(NoSuchTeam))
async def get_team(db: Db, here: Here, team_id: TeamRef) -> TeamView:
    return await db.read(queries.show_team, here, team_id)


@router.patch("/{team_id}", responses=problems(NoSuchTeam, BuiltInTeam, *_SEATS))
async def change_team(change: TeamChange, db: Db, models: Models, here: Here, team_id: TeamRef) -> TeamView:
    """Runs that have begun keep the team they began with."""
    return team_view(await db.write(service.change_team, models, here, team_id, change))


@router.delete("/{team_id}", status_code=204, responses=problems(NoSuchTeam, BuiltInTeam))
async def delete_team(db: Db, here: Here, team_id: TeamRef) -> None:
    """Its tasks and runs are kept."""
    await db.write(service.delete_team, here, team_id)
