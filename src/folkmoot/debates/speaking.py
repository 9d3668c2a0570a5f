"""Turns and ballots: what is asked for when one is due, and what a published one changes. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from folkmoot.agents.turn import Turn, TurnPlan
from folkmoot.debates.order import Claim, opponent
from folkmoot.debates.rules import fold
from folkmoot.debates.state import (
    JUDGE,
    MODERATOR,
    Ballot,
    DebateState,
    Evidence,
    Said,
    Standing,
    Statement,
    StatementOutcome,
    StatementType,
    advocate,
    folded,
)
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.runs.journal import Ask, Call, Entry, fault_of

TURN_CALLS = 4
"""Calls of the language model in one turn: at most three rounds of tools."""

TIMED_OUT = "timed_out"
JUDGE_KEY, VERDICT_KEY = "judge", "verdict"


def turn_key(state: DebateState, seat: int) -> str:
    """By round, and by which turn of this seat it is in it."""
    return f"r{state.round}.i{state.iteration}.s{seat}"


def turn_of(state: DebateState, seat: int) -> Turn:
    """A turn that is due, as it is or as it begins."""
    if (known := state.turns.get(seat)) is not None:
        return known
    answered = answers_to(state, seat)
    recipe: JsonObject = {
        "kind": "turn",
        "type": type_of(state),
        "seat": seat,
        "round": state.round,
        "shown": state.shown,
        "answers": None if answered is None else answered.number,
        "question": state.question,
    }
    plan = TurnPlan(
        key=turn_key(state, seat),
        role="debater",
        recipe=recipe,
        agent_id=state.given.participants[seat - 1].agent_id,
        output="turn",
        limit=TURN_CALLS,
        limit_seconds=float(state.config.time_limit_per_argument),
    )
    return Turn(plan=plan)


def type_of(state: DebateState) -> StatementType:
    """What kind of statement is due."""
    if state.round == 1:
        return "opening"
    if state.config.debate_mode != "structured":
        return "argument"
    if state.round == state.config.max_rounds:
        return "conclusion"
    return "rebuttal" if state.iteration == 1 else "counter"


def answers_to(state: DebateState, seat: int) -> Claim | None:
    """What the protocol makes a speaker answer: in a structured debate its opponent's leading statement."""
    if state.round == 1 or state.config.debate_mode != "structured":
        return None
    latest = {one.seat: one for one in state.statements[: state.shown] if one.outcome == "said"}
    claims = [
        Claim(
            number=one.number,
            seat=one.seat,
            position=fold(one.position),
            confidence=one.confidence or 0.0,
            evidence=len(one.evidence),
        )
        for one in latest.values()
        if one.position is not None
    ]
    return opponent(seat, folded(state.standings[seat].position), claims)


def ballot_call(state: DebateState, seat: int) -> Call:
    recipe: JsonObject = {"kind": "ballot", "seat": seat, "round": state.round, "shown": state.shown}
    agent_id = state.given.participants[seat - 1].agent_id
    return _call(state, ballot_key(state, seat), "ballot", recipe, agent_id)


def ballot_key(state: DebateState, seat: int) -> str:
    return f"r{state.round}.b{seat}"


def choice_call(state: DebateState) -> Call:
    recipe: JsonObject = {"kind": "choice", "seat": MODERATOR, "round": state.round, "shown": state.shown}
    return _call(state, choice_key(state), "choice", recipe, state.given.moderator_agent_id)


def choice_key(state: DebateState) -> str:
    return f"r{state.round}.m{state.choice}"


def judge_call(state: DebateState) -> Call:
    recipe: JsonObject = {"kind": "judgement", "seat": JUDGE, "round": state.round, "shown": len(state.statements)}
    return _call(state, JUDGE_KEY, "judgement", recipe, state.given.judge_agent_id)


def _call(state: DebateState, key: str, output: str, recipe: JsonObject, agent_id: str | None) -> Call:
    role = {"ballot": "debater", "choice": "moderator", "judgement": "judge"}[output]
    seconds = float(state.config.time_limit_per_argument)
    return Call(key=key, group=key, role=role, recipe=recipe, agent_id=agent_id, output=output, limit_seconds=seconds)


def verdict_ask(decision: JsonObject) -> Ask:
    """A person has to approve the decision before it is published."""
    question = "Publish this verdict?"
    return Ask(key=VERDICT_KEY, group=VERDICT_KEY, subject="verdict", question=question, detail=decision)


def said_in(turn: Turn, entry: Entry) -> Said:
    """What a turn that is over came to."""
    return Said(at=entry.at, form=turn.output if turn.fault is None else None, fault=turn.fault)


def form_in(entry: Entry) -> Said:
    """What a single call came to."""
    value = entry.data.get("value")
    form = value.get("output") if isinstance(value, dict) else None
    return Said(at=entry.at, form=form if isinstance(form, dict) else None, fault=fault_of(entry))


def evidence_in(entry: Entry, seat: int) -> Mapping[str, Evidence]:
    """What a tool has brought that can be cited."""
    value = entry.data.get("value")
    listed = value.get("evidence") if isinstance(value, dict) else None
    found: dict[str, Evidence] = {}
    for one in listed if isinstance(listed, list) else ():
        match one:
            case {"id": str(id), "tool": str(tool), "title": str(title), "text": str(text)}:
                found[id] = Evidence(id=id, seat=seat, tool=tool, title=title, text=text)
            case _:
                pass
    return found


def published(state: DebateState, seat: int, said: Said) -> DebateState:
    """The state with a turn of that seat in the open."""
    standing = state.standings[seat]
    turn = turn_of(state, seat)
    base = Statement(
        number=len(state.statements) + 1,
        round=state.round,
        iteration=state.iteration,
        key=turn.plan.key,
        type=type_of(state),
        outcome=outcome_of(said),
        seat=seat,
        at=said.at,
        is_advocate=seat == advocate(state),
        detail=said.fault.sentence if said.fault is not None else None,
    )
    statement = _spoken(base, said.form, standing) if said.form is not None else base
    after = _heard(standing, statement, is_ballot=state.is_spoken_ballot)
    return replace(state, statements=(*state.statements, statement), standings={**state.standings, seat: after})


def outcome_of(said: Said) -> StatementOutcome:
    if said.form is not None:
        return "passed" if said.form.get("is_pass") is True else "said"
    return "timed_out" if said.fault is not None and said.fault.code == TIMED_OUT else "abstained"


def _spoken(base: Statement, form: JsonObject, standing: Standing) -> Statement:
    position = str(form["position"])
    moved = standing.position is not None and fold(position) != folded(standing.position)
    return replace(
        base,
        text=str(form["text"]),
        position=position,
        confidence=_share(form["confidence"]),
        responds_to=tuple(seat for seat in _list(form.get("responds_to")) if isinstance(seat, int)),
        evidence=tuple(id for id in _list(form.get("evidence")) if isinstance(id, str)),
        changed_because=str(form.get("changed_because") or ""),
        moved_from=standing.position if moved else None,
    )


def _heard(standing: Standing, statement: Statement, *, is_ballot: bool) -> Standing:
    """What a turn changes of where its speaker stands; a turn that did not come carries what was there."""
    if statement.position is None or statement.confidence is None:
        return _missed(standing, statement.outcome)
    heard = replace(standing, position=statement.position, confidence=statement.confidence, silent=0)
    return _voted(heard) if is_ballot else heard


def _missed(standing: Standing, outcome: str) -> Standing:
    if outcome == TIMED_OUT:
        return replace(standing, silent=standing.silent + 1, timeouts=standing.timeouts + 1)
    return replace(standing, silent=0, abstentions=standing.abstentions + 1)


def _voted(standing: Standing) -> Standing:
    """With the position it has as its ballot."""
    assert standing.position is not None, "a ballot has a position"
    vote = (standing.position, standing.confidence or 0.0)
    return replace(standing, vote=vote, voted=standing.voted | {fold(standing.position)})


def balloted(state: DebateState, seat: int, said: Said) -> DebateState:
    """The state with a seat's ballot of this round counted."""
    standing = state.standings[seat]
    if said.form is None:
        after, ballot = _carried(state, seat, said)
    else:
        position, confidence = str(said.form["position"]), _share(said.form["confidence"])
        agreement = _agreement(said.form.get("agreement"))
        moved = standing.position is not None and fold(position) != folded(standing.position)
        ballot = Ballot(
            round=state.round,
            seat=seat,
            outcome="cast",
            position=position,
            confidence=confidence,
            agreement=agreement,
            moved_from=standing.position if moved else None,
        )
        heard = replace(standing, position=position, confidence=confidence, agreement=agreement, silent=0)
        after = _voted(heard)
    return replace(state, ballots=(*state.ballots, ballot), standings={**state.standings, seat: after})


def _carried(state: DebateState, seat: int, said: Said) -> tuple[Standing, Ballot]:
    """A ballot that was not cast: the position stays, and is a vote if it was voted for before."""
    standing = replace(state.standings[seat], agreement={})
    is_vote = standing.position is not None and fold(standing.position) in standing.voted
    carried = _voted(standing) if is_vote else replace(standing, vote=None)
    outcome = "timed_out" if said.fault is not None and said.fault.code == TIMED_OUT else "abstained"
    ballot = Ballot(
        round=state.round,
        seat=seat,
        outcome="timed_out" if outcome == TIMED_OUT else "abstained",
        position=standing.position,
        confidence=standing.confidence,
        detail=said.fault.sentence if said.fault is not None else None,
    )
    return _missed(carried, outcome), ballot


def _agreement(value: Json) -> dict[int, float]:
    """By seat; journals have keys as text."""
    pairs = value.items() if isinstance(value, dict) else ()
    return {int(seat): float(share) for seat, share in pairs if isinstance(share, int | float)}


def _share(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
