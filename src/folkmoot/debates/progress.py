"""Keeping a debate's status in step with that of its run, in the units that move it."""

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.debates.events import (
    DebateCompleted,
    DebatePaused,
    DebateResumed,
    DebateStarted,
    DebateStopped,
    TurnStarted,
)
from folkmoot.debates.executor import DEBATE
from folkmoot.debates.queries import DEBATE_COLUMNS, debate_view, find_debate_of
from folkmoot.debates.rules import DebateStatus, status_of
from folkmoot.debates.schemas import NextTurn
from folkmoot.debates.tables import Debate
from folkmoot.kernel.clock import now
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.moves import emit
from folkmoot.runs.ports import Engine
from folkmoot.runs.tables import Run

_SET_STATUS = (
    sa.update(Debate)
    .where(Debate.id == sa.bindparam("this"))
    .values(
        status=sa.bindparam("new_status"),
        updated_at=sa.bindparam("at", type_=DEBATE_COLUMNS["updated_at"].type),
    )
    .returning(*(column for column in DEBATE_COLUMNS if column.key != "report"))
)
_UNCHANGING = frozenset({"config", "created_at", "workspace_id", "project_id", "run_id"})


class DebateProgress:
    """Observes runs of debates."""

    def status_changed(self, tx: Tx, engine: Engine, previous: str | None, run: Run) -> None:
        """One that is held until somebody starts it has not begun yet."""
        if run.kind != DEBATE:
            return
        debate = find_debate_of(tx, run.id)
        if debate is None:
            return
        was = debate.status
        status = status_of(run.status, run.stop_reason, is_begun=was != DebateStatus.INITIALIZED)
        if previous is None and status == DebateStatus.ACTIVE:
            emit(tx, run, *_begun(debate))
        elif status != was:
            after = tx.write_returning(Debate, _SET_STATUS, this=debate.id, new_status=status.value, at=now())
            assert after is not None, "it was found in this unit"
            emit(tx, run, *_told(was, after, run))


def _told(was: str, debate: Debate, run: Run) -> list[Fact]:
    """What the change of status was."""
    view, decision = _part(debate), _decision(run)
    match DebateStatus(debate.status):
        case DebateStatus.ACTIVE if was == DebateStatus.INITIALIZED:
            return _begun(debate)
        case DebateStatus.ACTIVE:
            return [DebateResumed(debate_id=debate.id, debate=view)]
        case DebateStatus.PAUSED:
            return [DebatePaused(debate_id=debate.id, waiting_for=run.waiting_for, debate=view)]
        case DebateStatus.STOPPED:
            reason = run.stop_reason
            return [DebateStopped(debate_id=debate.id, stop_reason=reason, decision=decision, debate=view)]
        case status:
            return [
                DebateCompleted(
                    debate_id=debate.id,
                    status=status.value,
                    stop_reason=run.stop_reason,
                    decision=decision,
                    debate=view,
                )
            ]


def _begun(debate: Debate) -> list[Fact]:
    """The debate, and the turns it begins with."""
    topic, mode = str(debate.config["debate_topic"]), str(debate.config["debate_mode"])
    started = DebateStarted(debate_id=debate.id, topic=topic, mode=mode, debate=_part(debate))
    if debate.next_turn is None:
        return [started]
    due = NextTurn.model_validate(debate.next_turn)
    turns = [
        TurnStarted(
            debate_id=debate.id,
            agent_id=agent_id,
            kind=due.kind,
            key=f"r{due.round}.i{due.iteration}.s{seat}",
            round=due.round,
            iteration=due.iteration,
            debate=None,
        )
        for seat, agent_id in enumerate(due.agent_ids, 1)
    ]
    return [started, *turns]


def _part(debate: Debate) -> JsonObject:
    """What may be another now."""
    view = debate_view(debate).model_dump(mode="json")
    return {name: value for name, value in view.items() if name not in _UNCHANGING}


def _decision(run: Run) -> JsonObject | None:
    decided = (run.result or {}).get("decision")
    return decided if isinstance(decided, dict) else None
