"""Keeping the rows of a debate in step with its run's journal, in the units that append to it."""

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.debates import showing
from folkmoot.debates.queries import DEBATE_COLUMNS, debate_view
from folkmoot.debates.report import report
from folkmoot.debates.rules import DebateStatus, status_of
from folkmoot.debates.state import DebateState
from folkmoot.debates.tables import Debate, DebateSeat
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.runs.journal import Entry
from folkmoot.runs.tables import Run, RunAgent

_INSERT = sa.insert(Debate).returning(*DEBATE_COLUMNS)
_INSERT_SEATS = sa.insert(DebateSeat)
_INSERT_AGENTS = sa.insert(RunAgent)
_CHANGING = ("round", "iteration", "slot", "next_turn", "score", "leader", "arguments", "participants", "updated_at")
_THIS = Debate.id == sa.bindparam("this")
_UPDATE = (
    sa.update(Debate)
    .where(_THIS)
    .values({DEBATE_COLUMNS[name]: sa.bindparam(f"new_{name}", type_=DEBATE_COLUMNS[name].type) for name in _CHANGING})
)
_SET_REPORT = sa.update(Debate).where(_THIS).values(report=sa.bindparam("made", type_=DEBATE_COLUMNS["report"].type))
_SET_ROUNDS = sa.update(Run).where(Run.id == sa.bindparam("this")).values(round_count=sa.bindparam("rounds"))


def keep(tx: Tx, run: Run, state: DebateState, entry: Entry) -> None:
    """What follows in rows from an entry that the state holds."""
    if entry.kind == "begun":
        _open(tx, run, state, entry)
        return
    if entry.kind != "ended" and not (state.news.seq == entry.seq and state.news.is_shown):
        return
    changed = {f"new_{name}": value for name, value in _row(state, entry).items()}
    tx.write(_UPDATE, {"this": state.given.debate_id, **changed})
    if state.news.seq == entry.seq and state.news.rounds:
        tx.write(_SET_ROUNDS, {"this": run.id, "rounds": len(state.rounds)})
    if entry.kind == "ended":
        tx.write(_SET_REPORT, {"this": state.given.debate_id, "made": _report(state, entry.data)})


def _open(tx: Tx, run: Run, state: DebateState, entry: Entry) -> None:
    """The debate, its seats, and who takes part in the run; others hear of it."""
    given = state.given
    is_held = run.status == "paused"
    debate = tx.write_returning(
        Debate,
        _INSERT,
        id=given.debate_id,
        workspace_id=run.workspace_id,
        project_id=run.project_id,
        run_id=run.id,
        config=given.config.model_dump(mode="json"),
        status=(DebateStatus.INITIALIZED if is_held else DebateStatus.ACTIVE).value,
        report=None,
        created_at=entry.at,
        **_row(state, entry),
    )
    assert debate is not None
    seats = [{"debate_id": debate.id, "seat": one.seat, "agent_id": one.agent_id} for one in given.participants]
    tx.write(_INSERT_SEATS, seats)
    roles = {one.agent_id: "debater" for one in given.participants}
    roles |= {id: "moderator" for id in [given.moderator_agent_id] if id is not None}
    roles |= {id: "judge" for id in [given.judge_agent_id] if id is not None}
    tx.write(_INSERT_AGENTS, [{"run_id": run.id, "agent_id": id, "role": role} for id, role in roles.items()])
    view = debate_view(debate).model_dump(mode="json")
    changed = ResourceChanged(resource="debate", id=debate.id, change="created", view=view)
    tx.emit(run.workspace_id, changed, debate_id=debate.id)


def _row(state: DebateState, entry: Entry) -> dict[str, object]:
    shown = showing.shown(state, entry.at)
    due = shown["next_turn"]
    return {
        "round": shown["current_round"],
        "iteration": shown["current_iteration"],
        "slot": due["key"] if isinstance(due, dict) else None,
        "next_turn": due,
        "score": shown["consensus_score"],
        "leader": shown["leader"],
        "arguments": shown["total_arguments"],
        "participants": shown["participants"],
        "updated_at": entry.at,
    }


def _report(state: DebateState, ended: JsonObject) -> Json:
    status, reason = str(ended["status"]), str(ended["stop_reason"])
    return report(state, status_of(status, reason, is_begun=True).value, reason)
