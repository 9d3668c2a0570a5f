"""The way of a debate from turn to turn and round to round, by its mode: states that follow from states. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from math import fsum

from folkmoot.debates.order import Candidate, minority, next_speaker, rotated
from folkmoot.debates.rules import Limits, RoundScore, Voice, consensus, entropy, is_unanimous, stop_after
from folkmoot.debates.speaking import balloted, published
from folkmoot.debates.state import Ballot, DebateInput, DebateState, Said, Standing, Statement, folded, voters
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.journal import Entry


def opened(given: DebateInput, entry: Entry) -> DebateState:
    """The blind opening: everybody at once."""
    standings = {participant.seat: Standing() for participant in given.participants}
    return DebateState(given=given, began_at=entry.at, last_at=entry.at, due=tuple(standings), standings=standings)


def with_turn(state: DebateState, seat: int, said: Said) -> DebateState:
    """A turn is over: it is published, alone or with its whole group in the order of seats."""
    kept = {**state.kept, seat: said}
    waiting = replace(state, kept=kept, turns={at: turn for at, turn in state.turns.items() if at != seat})
    if state.is_parallel and set(state.due) - kept.keys():
        return waiting
    after = waiting
    for at in sorted(kept):
        after = published(after, at, kept[at])
    return _speak_on(replace(after, kept={}, due=tuple(at for at in state.due if at not in kept)))


def with_ballot(state: DebateState, seat: int, said: Said) -> DebateState:
    """A ballot is in: all of them are opened together."""
    kept = {**state.kept, seat: said}
    if set(state.due) - kept.keys():
        return replace(state, kept=kept)
    after = replace(state, kept={}, due=())
    for at in sorted(kept):
        after = balloted(after, at, kept[at])
    return _close(after)


def with_choice(state: DebateState, form: JsonObject | None) -> DebateState:
    """The moderator has chosen; what is no legal choice is left to the fallback."""
    candidates = list(_candidates(state))
    if form is not None and form.get("end_round") is True and state.of_round:
        return _vote(state)
    seat = form.get("seat") if form is not None else None
    if isinstance(seat, int) and seat in {one.seat for one in candidates}:
        return _give_floor(state, seat, str((form or {}).get("question") or ""))
    fallback = next_speaker(candidates)
    return _vote(state) if fallback is None else _give_floor(state, fallback)


def choosable(state: DebateState) -> tuple[int, ...]:
    """The seats that may be given the floor now."""
    return tuple(one.seat for one in _candidates(state))


def _begin(state: DebateState, number: int) -> DebateState:
    begun = replace(state, round=number, iteration=1, choice=0, question="", due=(), shown=len(state.statements))
    return _next_speaker(begun) if state.config.debate_mode == "autonomous" else _iterate(begun, 1)


def _iterate(state: DebateState, iteration: int) -> DebateState:
    """Every one has a turn, one after the other or all at once; where nobody may, the round is over."""
    if iteration > state.config.max_iterations_per_round:
        return _vote(state)
    order = rotated(state.seats, state.round) if state.config.debate_mode == "structured" else state.seats
    due = tuple(seat for seat in order if state.may_speak(seat))
    begun = replace(state, phase="speaking", iteration=iteration, due=due, shown=len(state.statements))
    return begun if due else _vote(begun)


def _speak_on(state: DebateState) -> DebateState:
    """What follows when the turns that were due are published."""
    if state.round == 1:
        return _vote(state)
    match state.config.debate_mode:
        case "structured" if state.due:
            return replace(state, shown=len(state.statements))
        case "structured":
            return _iterate(state, state.iteration + 1)
        case "freeform":
            fresh = [one for one in state.of_round if one.iteration == state.iteration]
            is_quiet = all(one.outcome != "said" for one in fresh)
            return _vote(state) if is_quiet else _iterate(state, state.iteration + 1)
        case _:
            return _next_speaker(state)


def _next_speaker(state: DebateState) -> DebateState:
    """In an autonomous debate: ask the moderator where there is one and somebody to choose."""
    candidates = list(_candidates(state))
    seat = next_speaker(candidates)
    if seat is None:
        return _vote(state)
    if state.given.moderator_agent_id is None:
        return _give_floor(state, seat)
    return replace(state, phase="choosing", choice=state.choice + 1, due=(), question="", shown=len(state.statements))


def _candidates(state: DebateState) -> Iterable[Candidate]:
    """Nobody twice running, and nobody more than `iterations` turns in a round."""
    last = state.of_round[-1].seat if state.of_round else None
    held = {seat: folded(state.standings[seat].position) for seat in state.active}
    few = minority({seat: position for seat, position in held.items() if position is not None})
    for seat in state.seats:
        turns = state.turns_of(seat)
        if seat != last and turns < state.config.max_iterations_per_round and state.may_speak(seat):
            owes = _owes_answer(state, seat)
            yield Candidate(seat=seat, holds_minority=seat in few, owes_answer=owes, turns=turns)


def _owes_answer(state: DebateState, seat: int) -> bool:
    """Whether somebody has addressed the participant since it had its last turn."""
    own = max((one.number for one in state.statements if one.seat == seat), default=0)
    return any(seat in one.responds_to for one in state.statements[own:])


def _give_floor(state: DebateState, seat: int, question: str = "") -> DebateState:
    iteration = state.turns_of(seat) + 1
    return replace(
        state,
        phase="speaking",
        due=(seat,),
        iteration=iteration,
        question=question,
        shown=len(state.statements),
    )


def _vote(state: DebateState) -> DebateState:
    """Nobody speaks any more in this round: ballots, unless they were spoken or the blind opening was unanimous."""
    quiet = replace(state, due=(), question="")
    if state.round == 1:
        score = score_of(quiet, is_blind=True)
        if state.config.debate_rules.stop_if_unanimous_open and is_unanimous(score.score):
            return _closed(quiet, score)
    if state.is_spoken_ballot:
        return _close(quiet)
    return replace(quiet, phase="balloting", due=state.seats, shown=len(state.statements))


def _close(state: DebateState) -> DebateState:
    return _closed(state, score_of(state, is_blind=state.round == 1 and state.is_spoken_ballot))


def _closed(state: DebateState, score: RoundScore) -> DebateState:
    """The round is over with this score: on to the next one, or to the decision."""
    rounds = (*state.rounds, score)
    reason = stop_after(rounds, limits_of(state))
    if reason is None:
        return _begin(replace(state, rounds=rounds), state.round + 1)
    stopped = replace(state, rounds=rounds, stopped=reason, due=())
    rules = state.config.debate_rules
    if reason == "no_quorum":
        return replace(stopped, phase="decided")
    if rules.decision == "judge" and reason not in ("independent", "consensus"):
        return replace(stopped, phase="judging")
    return decided(stopped)


def limits_of(state: DebateState) -> Limits:
    config, rules = state.config, state.config.debate_rules
    return Limits(
        max_rounds=config.max_rounds,
        min_rounds=min(rules.min_rounds, config.max_rounds),
        threshold=config.consensus_threshold,
        stability_rounds=rules.stability_rounds,
        quorum=rules.quorum,
        stop_if_unanimous_open=rules.stop_if_unanimous_open,
    )


def decided(state: DebateState) -> DebateState:
    """Nothing is left but to publish the decision, which a person may have to approve."""
    return replace(state, phase="approving" if state.config.debate_rules.approve_verdict else "decided")


def score_of(state: DebateState, *, is_blind: bool) -> RoundScore:
    """What the round comes to as it stands."""
    standings = {seat: state.standings[seat] for seat in voters(state)}
    voices = [
        Voice(
            seat=seat,
            position=folded(one.position),
            confidence=one.confidence,
            agreement={} if is_blind else one.agreement,
        )
        for seat, one in standings.items()
    ]
    agreed = consensus(voices, weights=state.config.debate_rules.weights, is_closed=state.is_closed)
    positions = [voice.position for voice in voices if voice.position is not None]
    sure = [voice.confidence for voice in voices if voice.position is not None and voice.confidence is not None]
    flips = [one.changed_because for one in state.statements if _is_flip(state, one)]
    flips += ["" for one in state.ballots if _is_flip(state, one)]
    return RoundScore(
        number=state.round,
        score=agreed.score,
        leader=agreed.leader,
        agreement=agreed.agreement,
        confidence=fsum(sure) / len(sure) if sure else None,
        entropy=entropy(positions) if positions else 0.0,
        flips=len(flips),
        unsupported_flips=sum(not reason.strip() for reason in flips),
        active=len(state.active),
        is_blind=is_blind,
    )


def _is_flip(state: DebateState, one: Statement | Ballot) -> bool:
    """Whether somebody whose position counts gave one up in this round."""
    is_counted = one.seat in state.seats or state.config.debate_rules.person_votes
    return one.round == state.round and one.moved_from is not None and is_counted
