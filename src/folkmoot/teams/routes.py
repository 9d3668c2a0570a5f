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
from folkmoot.teams.schemas import NewTeam, TeamChange, TeamDetail, TeamPage
from folkmoot.teams.seating import UnusableTeam
from folkmoot.teams.service import BuiltInTeam, TeamSlugTaken, TooManyTeams, team_detail
from folkmoot.tools.deps import Tools
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
async def create_team(new: NewTeam, db: Db, models: Models, here: Here, tools: Tools, response: Response) -> TeamDetail:
    """Make a team of agents of the workspace and roles of its own."""
    team = await db.write(service.create_team, models, here, new)
    response.headers["Location"] = f"{_HOME}/{team.id}"
    return await team_detail(tools, here, team_view(team))


@router.get("/{team_id}", responses=problems(NoSuchTeam))
async def get_team(db: Db, here: Here, tools: Tools, team_id: TeamRef) -> TeamDetail:
    return await team_detail(tools, here, await db.read(queries.show_team, here, team_id))


@router.patch("/{team_id}", responses=problems(NoSuchTeam, BuiltInTeam, *_SEATS))
async def change_team(
    change: TeamChange, db: Db, models: Models, here: Here, tools: Tools, team_id: TeamRef
) -> TeamDetail:
    """Runs that have begun keep the team they began with."""
    changed = await db.write(service.change_team, models, here, team_id, change)
    return await team_detail(tools, here, team_view(changed))


@router.delete("/{team_id}", status_code=204, responses=problems(NoSuchTeam, BuiltInTeam))
async def delete_team(db: Db, here: Here, team_id: TeamRef) -> None:
    """Its tasks and runs are kept."""
    await db.write(service.delete_team, here, team_id)
