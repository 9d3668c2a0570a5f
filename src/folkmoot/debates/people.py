"""What people say in a debate: entries from outside become statements of guests. Pure."""

import re
from dataclasses import replace

from folkmoot.debates.rules import fold
from folkmoot.debates.state import DebateState, Guest, Standing, Statement, folded
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.journal import Entry

_MENTION = re.compile(r"@(\d{1,3})\b")


def told(state: DebateState, entry: Entry) -> DebateState:
    """With a person's statement, published at once; whatever else was told leaves the debate as it is."""
    match entry.data:
        case {"author": {"id": str(id), "name": str(name)}, "data": dict(said)} if isinstance(said.get("text"), str):
            known = next((guest for guest in state.guests if guest.id == id), None)
            guest = known or Guest(seat=len(state.seats) + len(state.guests) + 1, id=id, name=name)
            return _said(state, guest, entry, said)
        case _:
            return state


def _said(state: DebateState, guest: Guest, entry: Entry, said: JsonObject) -> DebateState:
    standing = state.standings.get(guest.seat, Standing())
    position, confidence, text = said.get("position"), said.get("confidence"), str(said["text"])
    label = position if isinstance(position, str) else None
    moved = label is not None and standing.position is not None and fold(label) != folded(standing.position)
    spoken = sum(one.seat == guest.seat and one.round == state.round for one in state.statements)
    statement = Statement(
        number=len(state.statements) + 1,
        round=state.round,
        iteration=state.iteration,
        key=f"r{state.round}.p{spoken + 1}.s{guest.seat}",
        type="statement",
        outcome="said",
        seat=guest.seat,
        at=entry.at,
        text=text,
        position=label,
        confidence=float(confidence) if isinstance(confidence, int | float) else None,
        responds_to=tuple(dict.fromkeys(seat for seat in map(int, _MENTION.findall(text)) if seat in state.standings)),
        moved_from=standing.position if moved else None,
    )
    return replace(
        state,
        guests=state.guests if guest in state.guests else (*state.guests, guest),
        statements=(*state.statements, statement),
        standings={**state.standings, guest.seat: _standing(standing, statement)},
        last_at=entry.at,
    )


def _standing(standing: Standing, statement: Statement) -> Standing:
    """A person's word is its ballot too, where people vote; how sure it is counts as one half where it did not say."""
    if statement.position is None:
        return standing
    confidence = 0.5 if statement.confidence is None else statement.confidence
    return replace(
        standing,
        position=statement.position,
        confidence=confidence,
        vote=(statement.position, confidence),
        voted=standing.voted | {fold(statement.position)},
    )
