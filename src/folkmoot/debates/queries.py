"""Every SELECT of debates."""

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.debates.schemas import DebateView
from folkmoot.debates.tables import Debate
from folkmoot.kernel.errors import NotFound, existing
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.scope import Scope

DEBATE_COLUMNS = Debate.__table__.columns

_SHOWN = [column for column in DEBATE_COLUMNS if column.key != "report"]
_HERE = Debate.workspace_id == sa.bindparam("workspace_id")
_IS_MEANT = sa.or_(Debate.id == sa.bindparam("id"), Debate.run_id == sa.bindparam("id"))
_DEBATE = sa.select(*_SHOWN).where(_HERE, _IS_MEANT)
_WITH_REPORT = sa.select(*DEBATE_COLUMNS).where(_HERE, _IS_MEANT)
_OF_RUN = sa.select(*_SHOWN).where(Debate.run_id == sa.bindparam("run_id"))
_SAME = (
    *("status", "config", "next_turn", "leader", "participants", "run_id", "workspace_id", "project_id"),
    *("created_at", "updated_at"),
)


class NoSuchDebate(NotFound):
    """Debate not found"""


def find_debate(tx: Tx, scope: Scope, debate_id: str) -> Debate | None:
    """By its id or its run's, without its report. What is no id names no debate."""
    if not is_id(debate_id):
        return None
    return tx.first(Debate, _DEBATE, id=debate_id.lower(), workspace_id=scope.workspace_id)


def get_debate(tx: Tx, scope: Scope, debate_id: str) -> Debate:
    """As `find_debate`. Raises NoSuchDebate, for another workspace's debate too."""
    return existing(find_debate(tx, scope, debate_id), NoSuchDebate)


def get_reported(tx: Tx, scope: Scope, debate_id: str) -> Debate:
    """With its report. Raises NoSuchDebate."""
    return existing(tx.first(Debate, _WITH_REPORT, id=debate_id, workspace_id=scope.workspace_id), NoSuchDebate)


def find_debate_of(tx: Tx, run_id: str) -> Debate | None:
    """The debate that is a run; for the engine, which works across workspaces."""
    return tx.first(Debate, _OF_RUN, run_id=run_id)


def list_debates(tx: Tx, scope: Scope, status: str | None, skip: int, limit: int) -> tuple[list[DebateView], int]:
    """Newest first, with the total."""
    where = [Debate.workspace_id == scope.workspace_id]
    if status is not None:
        where.append(Debate.status == status)
    total: int = tx.scalar(sa.select(sa.func.count()).select_from(Debate).where(*where))
    found = sa.select(*_SHOWN).where(*where).order_by(Debate.id.desc()).offset(skip).limit(limit)
    return [debate_view(debate) for debate in tx.all(Debate, found)], total


def debate_view(debate: Debate) -> DebateView:
    return DebateView.model_validate(members(debate))


def members(debate: Debate) -> dict[str, object]:
    """What a view shows, by its names for it."""
    return {
        **{name: getattr(debate, name) for name in _SAME},
        "debate_id": debate.id,
        "current_round": debate.round,
        "current_iteration": debate.iteration,
        "consensus_score": debate.score,
        "total_arguments": debate.arguments,
    }
