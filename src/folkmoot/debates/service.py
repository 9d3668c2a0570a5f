"""The verbs of debates: initialize, control, say. Each is a unit; whatever moves is the run's."""

import re
from typing import Final

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.debates.executor import DEBATE
from folkmoot.debates.queries import NoSuchDebate, find_debate_of, get_debate
from folkmoot.debates.rules import Control, is_due
from folkmoot.debates.schemas import NewDebate, NewStatement, StatementView
from folkmoot.debates.state import DebateState, option_of
from folkmoot.debates.tables import Debate
from folkmoot.debates.views import state_of, statement_view
from folkmoot.kernel.errors import Invalid
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs import service as runs
from folkmoot.runs.append import lock_run
from folkmoot.runs.idempotency import RequestKey, recall, remember
from folkmoot.runs.ports import Engine

_VERBS: Final = {"start": runs.resume, "pause": runs.pause, "resume": runs.resume, "stop": runs.cancel}
_MENTION = re.compile(r"@([A-Za-z0-9][A-Za-z0-9_-]{0,62})")
_TITLE = 255


class NoSuchOption(Invalid):
    """The debate has no such option"""


def initialize_debate(tx: Tx, engine: Engine, scope: Scope, new: NewDebate, key: RequestKey | None) -> Debate:
    """Make a debate and the run it will be, held until it is started; or answer the one that this key has made.

    Raises KeyReused, and what `open` refuses: NoSuchAgent, AgentsNotDistinct, UnknownModel.
    """
    known = recall(tx, scope, key) if key is not None else None
    if known is not None:
        return _debate_of(tx, known)
    budget = new.debate_rules.budget
    run = runs.start_run(
        tx,
        engine,
        scope,
        runs.NewRun(
            kind=DEBATE,
            title=" ".join(new.debate_topic.split())[:_TITLE],
            input=new.model_dump(mode="json"),
            starts="held",
            budget=budget,
            deadline_seconds=budget.seconds if budget is not None else None,
        ),
    )
    debate = _debate_of(tx, run.id)
    record(tx, scope.actor, "initialize_debate", ("debate", debate.id), scope.workspace_id, run_id=run.id)
    if key is not None:
        remember(tx, scope, key, run.id)
    return debate


def _debate_of(tx: Tx, run_id: str) -> Debate:
    debate = find_debate_of(tx, run_id)
    if debate is None:
        raise NoSuchDebate
    return debate


def control_debate(tx: Tx, engine: Engine, scope: Scope, debate_id: str, action: Control) -> Debate:
    """Start, pause, resume or stop; what it is already stays as it is.

    Raises NoSuchDebate, IllegalControl, RunNotResumable where it waits for a person.
    """
    run = lock_run(tx, scope.workspace_id, get_debate(tx, scope, debate_id).run_id)
    if run is None:
        raise NoSuchDebate
    debate = get_debate(tx, scope, debate_id)
    if is_due(debate.status, action) or (action == "resume" and run.is_pausing):
        _VERBS[action](tx, engine, scope, run.id)
        record(tx, scope.actor, "control_debate", ("debate", debate.id), scope.workspace_id, action=action)
    return get_debate(tx, scope, debate_id)


def say(tx: Tx, engine: Engine, scope: Scope, debate_id: str, new: NewStatement) -> StatementView:
    """A person's statement, as a participant's. Raises NoSuchDebate, RunHasEnded, NoSuchOption."""
    debate = get_debate(tx, scope, debate_id)
    said = _said(state_of(tx, debate.run_id), new)
    runs.tell_run(tx, engine, scope, debate.run_id, said)
    state = state_of(tx, debate.run_id)
    record(tx, scope.actor, "say_in_debate", ("debate", debate.id), scope.workspace_id)
    return statement_view(state, state.statements[-1].number)


def _said(state: DebateState, new: NewStatement) -> JsonObject:
    """With the option that a label names, and whom it mentions by their seats."""
    position = new.position
    if position is not None and state.is_closed:
        option = option_of(state, position)
        if option is None:
            raise NoSuchOption(options=[option.id for option in state.config.debate_rules.options or ()])
        position = option.id
    seats = {one.slug: one.seat for one in state.given.participants}

    def seated(found: re.Match[str]) -> str:
        seat = seats.get(found[1].casefold())
        return found[0] if seat is None else f"@{seat}"

    text = _MENTION.sub(seated, new.text)
    return {"text": text, "position": position, "confidence": new.confidence}
