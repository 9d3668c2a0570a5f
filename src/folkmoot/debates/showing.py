"""How a debate looks from outside, made of its state alone: for its row, for events and for answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from folkmoot.debates.rules import RoundScore
from folkmoot.debates.speaking import JUDGE_KEY, VERDICT_KEY, ballot_key, choice_key, turn_key
from folkmoot.debates.state import DebateState, Statement, folded
from folkmoot.kernel.clock import iso
from folkmoot.kernel.json import Json, JsonObject

DIGITS = 6


def label_of(state: DebateState, position: str | None) -> str | None:
    """A folded position as somebody wrote it: as an option is called, else as it was said first."""
    if position is None:
        return None
    named = [option.id for option in state.config.debate_rules.options or ()]
    said = (one.position for one in state.statements)
    cast = (one.position for one in state.ballots)
    return next((label for label in (*named, *said, *cast) if label and folded(label) == position), position)


def shown(state: DebateState, at: datetime) -> JsonObject:
    """What passes of a debate, as its view has it; the status is the run's."""
    last = state.rounds[-1] if state.rounds else None
    return {
        "debate_id": state.given.debate_id,
        "current_round": state.round,
        "current_iteration": state.iteration,
        "next_turn": next_turn(state),
        "consensus_score": None if last is None else round(last.score, DIGITS),
        "leader": None if last is None else label_of(state, last.leader),
        "total_arguments": sum(one.outcome == "said" for one in state.statements),
        "participants": participants(state),
        "updated_at": iso(at),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A turn, a ballot or a word that the debate waits for."""

    kind: Literal["opening", "turn", "moderator", "ballot", "judge", "approval"]
    key: str
    agent_id: str | None = None


def due(state: DebateState) -> tuple[Due, ...]:
    """What is due, also where it is done already and waits for others of its group."""
    if state.is_over:
        return ()
    agents = {one.seat: one.agent_id for one in state.given.participants}
    match state.phase:
        case "speaking":
            kind: Literal["opening", "turn"] = "opening" if state.round == 1 else "turn"
            seats = state.due if state.is_parallel else state.due[:1]
            return tuple(Due(kind=kind, key=turn_key(state, seat), agent_id=agents[seat]) for seat in seats)
        case "choosing":
            return (Due(kind="moderator", key=choice_key(state), agent_id=state.given.moderator_agent_id),)
        case "balloting":
            return tuple(Due(kind="ballot", key=ballot_key(state, seat), agent_id=agents[seat]) for seat in state.due)
        case "judging":
            return (Due(kind="judge", key=JUDGE_KEY, agent_id=state.given.judge_agent_id),)
        case "approving":
            return (Due(kind="approval", key=VERDICT_KEY),)
        case "decided":
            return ()


def next_turn(state: DebateState) -> JsonObject | None:
    """What is due, None where nothing is; of several at once the first one's key."""
    wanted = due(state)
    if not wanted:
        return None
    return {
        "kind": wanted[0].kind,
        "key": wanted[0].key,
        "round": state.round,
        "iteration": state.iteration,
        "agent_ids": [one.agent_id for one in wanted if one.agent_id is not None],
    }


def participants(state: DebateState) -> list[Json]:
    """Agents by seat, then people in the order in which they came."""
    turns = dict.fromkeys(state.standings, 0)
    for one in state.statements:
        turns[one.seat] += 1
    return [_participant(state, seat, turns[seat]) for seat in sorted(state.standings)]


def _participant(state: DebateState, seat: int, turns: int) -> JsonObject:
    standing, agent = state.standings[seat], state.participant(seat)
    return {
        "seat": seat,
        "kind": "person" if agent is None else "agent",
        "agent_id": None if agent is None else agent.agent_id,
        "name": state.name_of(seat),
        "slug": None if agent is None else agent.slug,
        "model": None if agent is None else agent.model,
        "position": standing.position,
        "confidence": standing.confidence,
        "is_active": standing.is_active,
        "turns": turns,
    }


def statement(state: DebateState, one: Statement) -> JsonObject:
    """A published turn as transcripts have it."""
    agent = state.participant(one.seat)
    return {
        "number": one.number,
        "round": one.round,
        "iteration": one.iteration,
        "key": one.key,
        "type": one.type,
        "outcome": one.outcome,
        "seat": one.seat,
        "agent_id": None if agent is None else agent.agent_id,
        "name": state.name_of(one.seat),
        "text": one.text,
        "position": one.position,
        "confidence": one.confidence,
        "responds_to": [*one.responds_to],
        "evidence_ids": [*one.evidence],
        "changed_because": one.changed_because or None,
        "is_advocate": one.is_advocate,
        "detail": one.detail,
        "at": iso(one.at),
    }


def scores(state: DebateState, one: RoundScore) -> JsonObject:
    """What a round came to."""
    return {
        "round": one.number,
        "consensus_score": round(one.score, DIGITS),
        "leader": label_of(state, one.leader),
        "agreement": round(one.agreement, DIGITS),
        "confidence": None if one.confidence is None else round(one.confidence, DIGITS),
        "entropy": round(one.entropy, DIGITS),
        "flips": one.flips,
        "unsupported_flips": one.unsupported_flips,
        "active": one.active,
    }
