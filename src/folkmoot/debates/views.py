"""What answers show of a debate beyond its row: read units that read its run's journal."""

from functools import reduce

from folkmoot.db.tx import Tx
from folkmoot.debates import showing
from folkmoot.debates.procedure import DebateProcedure
from folkmoot.debates.queries import NoSuchDebate, get_debate, get_reported, members
from folkmoot.debates.schemas import DebateDetail, RoundView, StatementView
from folkmoot.debates.state import DebateState
from folkmoot.events.queries import latest_seq
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.queries import journal

_PROCEDURE = DebateProcedure()


class NoReportYet(Conflict):
    """The debate has not ended"""

    hint = "Its report is there once it has"


def show_debate(tx: Tx, scope: Scope, debate_id: str, *, with_cursor: bool) -> DebateDetail:
    """Raises NoSuchDebate."""
    debate = get_debate(tx, scope, debate_id)
    state = state_of(tx, debate.run_id)
    rounds = [RoundView.model_validate(showing.scores(state, one)) for one in state.rounds]
    cursor = latest_seq(tx, debate.workspace_id) if with_cursor else None
    return DebateDetail.model_validate({**members(debate), "rounds": rounds, "cursor": cursor})


def state_of(tx: Tx, run_id: str) -> DebateState:
    """What the run's journal stands for. Raises NoSuchDebate where it was deleted just now."""
    entries = journal(tx, run_id)
    if not entries:
        raise NoSuchDebate
    return reduce(_PROCEDURE.apply, entries[1:], _PROCEDURE.begin(entries[0]))


def show_transcript(
    tx: Tx, scope: Scope, debate_id: str, skip: int, limit: int
) -> tuple[str, list[StatementView], int]:
    """The debate's id, a page of what was published, in order, and how much there is. Raises NoSuchDebate."""
    debate = get_debate(tx, scope, debate_id)
    state = state_of(tx, debate.run_id)
    page = state.statements[skip : skip + limit]
    return debate.id, [statement_view(state, one.number) for one in page], len(state.statements)


def statement_view(state: DebateState, number: int) -> StatementView:
    return StatementView.model_validate(showing.statement(state, state.statements[number - 1]))


def show_report(tx: Tx, scope: Scope, debate_id: str) -> JsonObject:
    """Raises NoSuchDebate, NoReportYet."""
    debate = get_reported(tx, scope, debate_id)
    if debate.report is None:
        raise NoReportYet(status_now=debate.status)
    return debate.report
