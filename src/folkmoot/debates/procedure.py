"""The debate's procedure: a pure reducer over its journal."""

from collections import Counter
from dataclasses import replace

from folkmoot.debates import showing
from folkmoot.debates.events import ArgumentMade, BallotClosed, ConsensusReached, RoundCompleted, TurnStarted
from folkmoot.debates.people import told
from folkmoot.debates.report import AGREED, decision, report
from folkmoot.debates.rounds import decided, opened, with_ballot, with_choice, with_turn
from folkmoot.debates.rules import status_of
from folkmoot.debates.speaking import (
    JUDGE_KEY,
    VERDICT_KEY,
    ballot_call,
    ballot_key,
    choice_call,
    choice_key,
    evidence_in,
    form_in,
    judge_call,
    said_in,
    turn_key,
    turn_of,
    verdict_ask,
)
from folkmoot.debates.state import DebateInput, DebateState, Judgement, News
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.journal import Action, End, Entry, FinalStatus, Settlement

Happened = ArgumentMade | BallotClosed | RoundCompleted | ConsensusReached | TurnStarted

_SENTENCES = {
    "no_quorum": "Too few participants were still answering",
    "timeout": "The debate did not end within its deadline",
    "call_limit": "The debate made as many calls of language models as one run may",
    "budget_exhausted": "The debate's budget is spent",
    "rejected": "A person rejected the verdict",
}
_BEGINNINGS = ("start", "resume")


class DebateProcedure:
    """Open blind, then argue and vote in rounds until a stop rule holds; then decide."""

    def begin(self, entry: Entry) -> DebateState:
        return opened(DebateInput.model_validate(entry.data["input"]), entry)

    def apply(self, state: DebateState, entry: Entry) -> DebateState:
        if state.is_over:
            return state
        after = _step(state, entry)
        return state if after is state else _with_news(state, after, entry)

    def wanted(self, state: DebateState) -> tuple[Action, ...]:
        if state.is_over:
            return ()
        match state.phase:
            case "speaking":
                due = state.due if state.is_parallel else state.due[:1]
                open_turns = (turn_of(state, seat) for seat in due if seat not in state.kept)
                return tuple(action for turn in open_turns for action in turn.wanted())
            case "choosing":
                return (choice_call(state),)
            case "balloting":
                return tuple(ballot_call(state, seat) for seat in state.due if seat not in state.kept)
            case "judging":
                return (judge_call(state),)
            case "approving":
                return (verdict_ask(decision(state)),)
            case "decided":
                return (_end(state),)

    def facts(self, state: DebateState, entry: Entry) -> tuple[Fact, ...]:
        """In the order of what has happened; the last one shows what it has changed of the debate."""
        if state.news.seq != entry.seq or entry.kind == "ended":
            return ()
        happened: list[Happened] = [*_published(state), *_counted(state), *_started(state)]
        if not happened:
            return ()
        shown = showing.shown(state, entry.at)
        return (*happened[:-1], replace(happened[-1], debate=shown))

    def settle(self, state: DebateState, reason: Settlement) -> End:
        """Decide on what there is."""
        match reason:
            case "timeout":
                return _ending(state, "timeout", "timeout", "timeout")
            case "call_limit":
                return _ending(state, "failed", "call_limit", "call_limit")
            case "budget":
                return _ending(state, "failed", "budget_exhausted", "budget_exhausted")
            case _:
                return _ending(state, "cancelled", "stopped")


def _step(state: DebateState, entry: Entry) -> DebateState:
    """The state with the entry in it; the same object where it means nothing to it."""
    match entry.kind:
        case "done":
            return _done(state, entry)
        case "told":
            return told(state, entry)
        case "controlled":
            return _controlled(state, entry)
        case "ended":
            return replace(state, is_over=True, last_at=entry.at)
        case _:
            return state


def _controlled(state: DebateState, entry: Entry) -> DebateState:
    """A debate's time begins when somebody starts it."""
    has_begun = state.spent.calls or state.statements or state.kept
    if has_begun or entry.data.get("verb") not in _BEGINNINGS:
        return state
    return replace(state, began_at=entry.at, last_at=entry.at)


def _done(state: DebateState, entry: Entry) -> DebateState:
    match state.phase:
        case "speaking":
            after = _spoken(state, entry)
        case "choosing":
            after = with_choice(state, form_in(entry).form) if entry.key == choice_key(state) else state
        case "balloting":
            after = _balloted(state, entry)
        case "judging":
            after = _judged(state, entry) if entry.key == JUDGE_KEY else state
        case "approving":
            after = _approved(state, entry) if entry.key == VERDICT_KEY else state
        case "decided":
            after = state
    if after is state:
        return state
    return replace(after, spent=state.spent.plus(entry.data.get("usage")), last_at=entry.at)


def _spoken(state: DebateState, entry: Entry) -> DebateState:
    """A step of one of the turns that are due; with its last one the turn is over."""
    due = state.due if state.is_parallel else state.due[:1]
    prefix = entry.key.partition(".m")[0]
    seat = next((seat for seat in due if seat not in state.kept and turn_key(state, seat) == prefix), None)
    if seat is None:
        return state
    turn = turn_of(state, seat)
    after = turn.apply(entry)
    if after is turn:
        return state
    found = {**state.evidence, **evidence_in(entry, seat)}
    known = replace(state, turns={**state.turns, seat: after}, evidence=found)
    return with_turn(known, seat, said_in(after, entry)) if after.is_over else known


def _balloted(state: DebateState, entry: Entry) -> DebateState:
    due = (seat for seat in state.due if seat not in state.kept)
    seat = next((seat for seat in due if ballot_key(state, seat) == entry.key), None)
    return state if seat is None else with_ballot(state, seat, form_in(entry))


def _judged(state: DebateState, entry: Entry) -> DebateState:
    """Without a readable judgement the last ballots decide."""
    form = form_in(entry).form
    if form is None:
        return decided(state)
    judgement = Judgement(
        position=str(form["position"]),
        confidence=float(str(form["confidence"])),
        reason=str(form.get("reason") or ""),
    )
    return decided(replace(state, judgement=judgement))


def _approved(state: DebateState, entry: Entry) -> DebateState:
    value = entry.data.get("value")
    answered = value.get("decision") if isinstance(value, dict) else None
    match answered:
        case "approve":
            return replace(state, phase="decided", verdict="approved")
        case "expired":
            return replace(state, phase="decided", verdict="expired")
        case _:
            return replace(state, phase="decided", verdict="rejected")


def _with_news(before: DebateState, after: DebateState, entry: Entry) -> DebateState:
    """What the entry has brought, for the facts that follow from it."""
    known = {one.key for one in showing.due(before)}
    news = News(
        seq=entry.seq,
        statements=after.statements[len(before.statements) :],
        ballots=after.ballots[len(before.ballots) :],
        rounds=after.rounds[len(before.rounds) :],
        due=tuple(one.key for one in showing.due(after) if one.key not in known),
    )
    return replace(after, news=news)


def _published(state: DebateState) -> list[Happened]:
    debate_id = state.given.debate_id
    return [
        ArgumentMade(
            debate_id=debate_id,
            agent_id=None if (agent := state.participant(one.seat)) is None else agent.agent_id,
            statement=showing.statement(state, one),
            debate=None,
        )
        for one in state.news.statements
    ]


def _counted(state: DebateState) -> list[Happened]:
    debate_id, ballots, facts = state.given.debate_id, state.news.ballots, list[Happened]()
    if ballots:
        outcomes = Counter(one.outcome for one in ballots)
        facts.append(
            BallotClosed(
                debate_id=debate_id,
                round=ballots[0].round,
                cast=outcomes["cast"],
                abstained=outcomes["abstained"],
                timed_out=outcomes["timed_out"],
                debate=None,
            )
        )
    for one in state.news.rounds:
        scores = showing.scores(state, one)
        facts.append(RoundCompleted(debate_id=debate_id, scores=scores, debate=None))
    if state.news.rounds and state.stopped in AGREED:
        last = state.rounds[-1]
        facts.append(
            ConsensusReached(
                debate_id=debate_id,
                round=last.number,
                consensus_score=round(last.score, showing.DIGITS),
                leader=showing.label_of(state, last.leader),
                stop_reason=str(state.stopped),
                debate=None,
            )
        )
    return facts


def _started(state: DebateState) -> list[Happened]:
    """Turns that are due now; all ballots of a round are one."""
    due = [one for one in showing.due(state) if one.key in state.news.due]
    return [
        TurnStarted(
            debate_id=state.given.debate_id,
            agent_id=None if one.kind == "ballot" else one.agent_id,
            kind=one.kind,
            key=one.key,
            round=state.round,
            iteration=state.iteration,
            debate=None,
        )
        for one in (due[:1] if state.phase == "balloting" else due)
    ]


def _end(state: DebateState) -> End:
    """The end of a debate that came to its decision."""
    match state.verdict:
        case "rejected":
            return _ending(state, "failed", "rejected", "rejected")
        case "expired":
            return _ending(state, "cancelled", "approval_expired")
    if state.stopped == "no_quorum":
        return _ending(state, "failed", "no_quorum", "no_quorum")
    return _ending(state, "completed", str(state.stopped))


def _ending(state: DebateState, status: FinalStatus, reason: str, code: str | None = None) -> End:
    """The run's result is short; the whole report is the debate's."""
    made = report(state, status_of(status, reason, is_begun=True).value, reason)
    result: JsonObject = {name: made[name] for name in ("debate_id", "status", "stop_reason", "decision", "warnings")}
    result |= {"rounds": len(state.rounds), "consensus_score": None, "report_hash": made["hash"]}
    if state.rounds:
        result["consensus_score"] = round(state.rounds[-1].score, showing.DIGITS)
    return End(
        status=status,
        stop_reason=reason,
        result=result,
        error_code=code,
        error_message=None if code is None else _SENTENCES[reason],
    )
