"""Every SELECT of teams, and the built-in ones among what it finds."""

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.tasks.rules import NoSuchTeam
from folkmoot.teams.schemas import TeamSpec, TeamView
from folkmoot.teams.tables import StoredTeam
from folkmoot.teams.team import BUILT_IN, Person, Role, Team

TEAM_COLUMNS = StoredTeam.__table__.columns

_HERE = StoredTeam.workspace_id == sa.bindparam("workspace_id")
_TEAMS = sa.select(*TEAM_COLUMNS).where(_HERE)
_BY_ID = _TEAMS.where(StoredTeam.id == sa.bindparam("ref"))
_BY_SLUG = _TEAMS.where(StoredTeam.slug == sa.bindparam("ref"))
_COUNT = sa.select(sa.func.count()).select_from(StoredTeam).where(_HERE)


def find_team(tx: Tx, scope: Scope, ref: str, *, is_held: bool = False) -> StoredTeam | None:
    """The workspace's own team with this id or slug; a held one is changed by nobody else until the unit ends."""
    ref = ref.strip()
    statement = _BY_ID if is_id(ref) else _BY_SLUG
    ref = ref.lower() if is_id(ref) else ref
    return tx.first(
        StoredTeam, statement.with_for_update() if is_held else statement, workspace_id=scope.workspace_id, ref=ref
    )


def show_team(tx: Tx, scope: Scope, ref: str) -> TeamView:
    """Raises NoSuchTeam."""
    stored = find_team(tx, scope, ref)
    if stored is not None:
        return team_view(stored)
    if ref.strip() not in BUILT_IN:
        raise NoSuchTeam
    return built_in_view(BUILT_IN[ref.strip()], scope)


def count_teams(tx: Tx, scope: Scope) -> int:
    """The workspace's own."""
    count: int = tx.scalar(_COUNT, workspace_id=scope.workspace_id)
    return count


def list_teams(tx: Tx, scope: Scope, skip: int, limit: int) -> tuple[list[TeamView], int]:
    """The built-in ones, then the workspace's by slug; and how many there are."""
    first = [built_in_view(team, scope) for team in BUILT_IN.values()][skip : skip + limit]
    window = _TEAMS.order_by(StoredTeam.slug).offset(max(0, skip - len(BUILT_IN))).limit(limit - len(first))
    own = tx.all(StoredTeam, window, workspace_id=scope.workspace_id)
    return [*first, *map(team_view, own)], len(BUILT_IN) + count_teams(tx, scope)


def team_view(stored: StoredTeam) -> TeamView:
    spec = TeamSpec.model_validate({**stored.spec, "slug": stored.slug})
    row = {name: getattr(stored, name) for name in ("id", "workspace_id", "project_id", "created_at", "updated_at")}
    return TeamView.model_validate({**spec.model_dump(), "name": spec.name or spec.slug, **row, "is_built_in": False})


def built_in_view(team: Team, scope: Scope) -> TeamView:
    reviewer = _role(team.reviewer) if isinstance(team.reviewer, Role) else team.reviewer
    return TeamView.model_validate(
        {
            **dict.fromkeys(("id", "project_id", "created_at", "updated_at")),
            "workspace_id": scope.workspace_id,
            "slug": team.slug,
            "name": team.slug,
            "description": "Plans, works in rounds, reviews and sums up",
            "orchestration": team.orchestration,
            "lead": _role(team.lead),
            "members": [_role(role) for role in team.members],
            "reviewer": reviewer.model_dump() if isinstance(reviewer, Person) else reviewer,
            "limits": team.limits.model_dump(),
            "approval": team.approval.model_dump(),
            "is_built_in": True,
        }
    )


def _role(role: Role) -> JsonObject:
    return role.model_dump(mode="json", include={"slug", "name", "title", "instructions"})
