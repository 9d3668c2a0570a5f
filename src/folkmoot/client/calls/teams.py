"""Calls of teams. Written by `make docs`."""

from collections.abc import Sequence

from folkmoot.client import wire
from folkmoot.client.resources.teams import TeamDetail, TeamPage
from folkmoot.client.wire import Call
from folkmoot.kernel.json import JsonObject


def list_teams(*, skip: int | None = None, limit: int | None = None) -> Call[TeamPage]:
    """The built-in ones first, then by slug."""
    return Call("GET", "/api/teams", wire.one(TeamPage), query={"skip": skip, "limit": limit})


def create_team(
    slug: str,
    lead: str | int | JsonObject,
    members: Sequence[str | int | JsonObject],
    *,
    name: str | None = None,
    description: str | None = None,
    orchestration: str | None = None,
    reviewer: str | int | JsonObject | None = None,
    limits: JsonObject | None = None,
    approval: JsonObject | None = None,
) -> Call[TeamDetail]:
    """Make a team of agents of the workspace and roles of its own."""
    return Call(
        "POST",
        "/api/teams",
        wire.one(TeamDetail),
        body={
            "slug": slug,
            "name": name,
            "description": description,
            "orchestration": orchestration,
            "lead": lead,
            "members": members,
            "reviewer": reviewer,
            "limits": limits,
            "approval": approval,
        },
    )


def get_team(team_id: str) -> Call[TeamDetail]:
    return Call("GET", wire.path("/api/teams/{team_id}", team_id=team_id), wire.one(TeamDetail))


def change_team(
    team_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    orchestration: str | None = None,
    lead: str | int | JsonObject | None = None,
    members: Sequence[str | int | JsonObject] | None = None,
    reviewer: str | int | JsonObject | None = None,
    limits: JsonObject | None = None,
    approval: JsonObject | None = None,
) -> Call[TeamDetail]:
    """Runs that have begun keep the team they began with."""
    return Call(
        "PATCH",
        wire.path("/api/teams/{team_id}", team_id=team_id),
        wire.one(TeamDetail),
        body={
            "name": name,
            "description": description,
            "orchestration": orchestration,
            "lead": lead,
            "members": members,
            "reviewer": reviewer,
            "limits": limits,
            "approval": approval,
        },
    )


def delete_team(team_id: str) -> Call[None]:
    """Its tasks and runs are kept."""
    return Call("DELETE", wire.path("/api/teams/{team_id}", team_id=team_id), wire.nothing)
