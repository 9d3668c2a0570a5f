"""The verbs of teams: make, change and delete one, or have it be as somebody says."""

from typing import Literal

import sqlalchemy as sa
from pydantic import ValidationError

from folkmoot.agents.service import unknown_tool
from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.llm.gateway import Gateway
from folkmoot.providers.queries import own_providers
from folkmoot.tasks.rules import AD_HOC, NoSuchTeam
from folkmoot.teams.queries import TEAM_COLUMNS, count_teams, find_team, team_view
from folkmoot.teams.schemas import RoleSeat, RoleWarning, TeamChange, TeamDetail, TeamSpec, TeamView
from folkmoot.teams.seating import UnusableTeam, seated, with_ids
from folkmoot.teams.tables import StoredTeam
from folkmoot.teams.team import BUILT_IN
from folkmoot.tools.registry import ToolRegistry
from folkmoot.tools.service import unknown_tools

MOST_TEAMS = 200

_INSERT = sa.insert(StoredTeam).returning(*TEAM_COLUMNS)
_CHANGE = (
    sa.update(StoredTeam)
    .where(StoredTeam.id == sa.bindparam("this_team"))
    .values(
        spec=sa.bindparam("new_spec", type_=TEAM_COLUMNS.spec.type),
        updated_at=sa.bindparam("at", type_=TEAM_COLUMNS.updated_at.type),
    )
    .returning(*TEAM_COLUMNS)
)
_DELETE = sa.delete(StoredTeam).where(StoredTeam.id == sa.bindparam("this_team"))


class TeamSlugTaken(Conflict):
    """There is a team of this slug already"""


class BuiltInTeam(Conflict):
    """A built-in team can be neither changed nor deleted, and no other has its slug"""

    hint = "Make a team of another slug"


class TooManyTeams(Conflict):
    """The workspace has as many teams as it may"""


def create_team(tx: Tx, gateway: Gateway, scope: Scope, new: TeamSpec) -> StoredTeam:
    """Raises BuiltInTeam, TeamSlugTaken, TooManyTeams, NoSuchAgent, UnusableTeam, UnknownModel."""
    if new.slug in BUILT_IN or new.slug == AD_HOC:
        raise BuiltInTeam(slug=new.slug)
    if find_team(tx, scope, new.slug) is not None:
        raise TeamSlugTaken(f"There is a team {new.slug} already", slug=new.slug)
    if count_teams(tx, scope) >= MOST_TEAMS:
        raise TooManyTeams
    at = now()
    team = tx.write_returning(
        StoredTeam,
        _INSERT,
        id=new_id(),
        workspace_id=scope.workspace_id,
        project_id=scope.project_id,
        slug=new.slug,
        spec=_kept(tx, gateway, scope, new),
        created_at=at,
        updated_at=at,
    )
    assert team is not None
    _say(tx, team, "created")
    record(tx, scope.actor, "create_team", ("team", team.id), scope.workspace_id, slug=team.slug)
    return team


def change_team(tx: Tx, gateway: Gateway, scope: Scope, ref: str, change: TeamChange) -> StoredTeam:
    """Raises NoSuchTeam, BuiltInTeam, and what `create_team` raises of its seats."""
    team = _hold(tx, scope, ref)
    try:
        spec = TeamSpec.model_validate({**change.over(team.spec), "slug": team.slug})
    except ValidationError as error:
        raise UnusableTeam(f"{UnusableTeam.__doc__}: {error.errors()[0]['msg']}") from error
    names = sorted(change.model_fields_set)
    return _changed(tx, gateway, scope, team, spec, names)


def apply_team(tx: Tx, gateway: Gateway, scope: Scope, spec: TeamSpec) -> StoredTeam:
    """Make the team, or have the one of that slug be like this. Raises what `create_team` does, but TeamSlugTaken."""
    team = find_team(tx, scope, spec.slug, is_held=True)
    if team is None:
        return create_team(tx, gateway, scope, spec)
    if team.spec == _kept(tx, gateway, scope, spec):
        return team
    return _changed(tx, gateway, scope, team, spec, ["all"])


def delete_team(tx: Tx, scope: Scope, ref: str) -> None:
    """Its tasks stay and can be run once they have another team. Raises NoSuchTeam, BuiltInTeam."""
    team = _hold(tx, scope, ref)
    tx.write(_DELETE, {"this_team": team.id})
    _say(tx, team, "deleted")
    record(tx, scope.actor, "delete_team", ("team", team.id), scope.workspace_id, slug=team.slug)


async def team_detail(tools: ToolRegistry, scope: Scope, view: TeamView) -> TeamDetail:
    """With what of its roles has no effect now."""
    named = tools_of_roles(view)
    unknown = await unknown_tools(tools, scope, [name for names in named.values() for name in names])
    warnings = [
        RoleWarning(role=role, **dict(unknown_tool(name)))
        for role, names in named.items()
        for name in dict.fromkeys(names)
        if name in unknown
    ]
    return TeamDetail.model_validate({**dict(view), "warnings": warnings})


def tools_of_roles(view: TeamView) -> dict[str, tuple[str, ...]]:
    """The names of tools that roles name, by role; what an agent has stands in its config."""
    seats = (view.lead, *view.members, view.reviewer)
    return {seat.slug: seat.tools for seat in seats if isinstance(seat, RoleSeat) and seat.tools}


def _changed(tx: Tx, gateway: Gateway, scope: Scope, team: StoredTeam, spec: TeamSpec, names: list[str]) -> StoredTeam:
    kept = _kept(tx, gateway, scope, spec)
    changed = tx.write_returning(StoredTeam, _CHANGE, this_team=team.id, new_spec=kept, at=now())
    assert changed is not None, "it is held"
    _say(tx, changed, "updated")
    record(tx, scope.actor, "change_team", ("team", team.id), scope.workspace_id, changed=[*names])
    return changed


def _hold(tx: Tx, scope: Scope, ref: str) -> StoredTeam:
    if ref.strip() in BUILT_IN:
        raise BuiltInTeam(slug=ref.strip())
    team = find_team(tx, scope, ref, is_held=True)
    if team is None:
        raise NoSuchTeam
    return team


def _kept(tx: Tx, gateway: Gateway, scope: Scope, spec: TeamSpec) -> JsonObject:
    """The spec as its row holds it, once its seats can be filled. Raises NoSuchAgent, UnusableTeam, UnknownModel."""
    providers = own_providers(tx, scope)
    for seat in seated(tx, scope, spec).seats:
        if seat.models:
            gateway.check(seat.models, providers)
    return with_ids(tx, scope, spec).model_dump(mode="json", exclude={"slug"})


def _say(tx: Tx, team: StoredTeam, change: Literal["created", "updated", "deleted"]) -> None:
    view = None if change == "deleted" else team_view(team).model_dump(mode="json")
    tx.emit(team.workspace_id, ResourceChanged(resource="team", id=team.id, change=change, view=view))
