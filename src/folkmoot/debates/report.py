"""The report of a debate: what was decided, how it came about, who moved, who did not. Made of the state alone."""

from collections.abc import Sequence
from hashlib import sha256

from folkmoot.debates import showing
from folkmoot.debates.rules import UNSUPPORTED_SHARE, Tally, Vote, count, count_weighted, fold, is_unanimous
from folkmoot.debates.showing import DIGITS, label_of
from folkmoot.debates.state import Ballot, DebateState, Statement, folded, initial_votes, voters, votes
from folkmoot.kernel.clock import iso
from folkmoot.kernel.json import Json, JsonObject, canonical

AGREED = ("independent", "consensus")

_NOT_HASHED = frozenset(
    {"id", "selected_agents", "usage", "cost_usd", "model_calls", "duration_seconds", "at", "began_at", "ended_at"}
)
_NOT_HASHED_ENDINGS = ("_id", "_ids", "_at", "_tokens")


def report(state: DebateState, status: str, stop_reason: str) -> JsonObject:
    """Everything there is to say of a debate that ends like that. `hash` is of it, see `report_hash`."""
    made: JsonObject = {
        "debate_id": state.given.debate_id,
        "config": {**state.config.model_dump(mode="json"), "selected_agents": [*_agent_ids(state)]},
        "seed": state.given.seed,
        "status": status,
        "stop_reason": stop_reason,
        "decision": decision(state),
        "rounds": [showing.scores(state, one) for one in state.rounds],
        "votes": _votes(state),
        "moved": _moved(state),
        "participants": [_participant(state, seat) for seat in sorted(state.standings)],
        "dissent": _dissent(state),
        "evidence": _evidence(state),
        "transcript": [showing.statement(state, one) for one in state.statements],
        "warnings": _warnings(state),
        "usage": {
            "model_calls": state.spent.calls,
            "input_tokens": state.spent.input_tokens,
            "output_tokens": state.spent.output_tokens,
            "cost_usd": None if state.spent.cost is None else format(state.spent.cost, "f"),
        },
        "began_at": iso(state.began_at),
        "ended_at": iso(state.last_at),
        "duration_seconds": round((state.last_at - state.began_at).total_seconds(), 3),
    }
    return {**made, "hash": report_hash(made)}


def report_hash(made: JsonObject) -> str:
    """SHA-256 of the canonical JSON without its fields of time, cost, tokens and ids, and without the hash itself."""
    return sha256(canonical(_hashed(made))).hexdigest()


def _hashed(value: Json) -> Json:
    match value:
        case dict():
            return {name: _hashed(item) for name, item in value.items() if not _is_left_out(name)}
        case list():
            return [_hashed(item) for item in value]
        case _:
            return value


def _is_left_out(name: str) -> bool:
    return name in _NOT_HASHED or name == "hash" or name.endswith(_NOT_HASHED_ENDINGS)


def decision(state: DebateState) -> JsonObject:
    """What was decided, by the rule that could; who stopped the debate early gets what there is.

    A consensus is its own decision. Without a judge's word the vote decides, before the first ballot the opening.
    """
    rule = state.config.debate_rules.decision
    if state.stopped in AGREED:
        return _agreed(state)
    if state.judgement is not None:
        return _judged(state)
    if state.stopped == "no_quorum":
        return _decided(state, rule, "inconclusive", Tally())
    used, tally = _counted(state, rule)
    return _decided(state, used, tally.type, tally)


def _counted(state: DebateState, rule: str) -> tuple[str, Tally]:
    last, first = votes(state), initial_votes(state)
    if rule == "initial_vote" or not last:
        return "initial_vote", count(first)
    return ("weighted", count_weighted(last)) if rule == "weighted" else ("vote", count(last))


def _agreed(state: DebateState) -> JsonObject:
    """The leader; where all fully back several labels, the one of the first seat; else there is none to name."""
    last = state.rounds[-1]
    winner = last.leader
    if winner is None and is_unanimous(last.score):
        held = (folded(state.standings[seat].position) for seat in voters(state))
        winner = next(position for position in held if position is not None)
    tally = Tally(winner=winner, support=last.score)
    return _decided(state, "consensus", "consensus" if winner is not None else "deadlock", tally)


def _judged(state: DebateState) -> JsonObject:
    """The judge's word; its support is the share of the last ballots that agree with it."""
    assert state.judgement is not None
    winner = fold(state.judgement.position)
    cast = votes(state)
    backing = sum(vote.position == winner for vote in cast)
    support = backing / len(cast) if cast else 0.0
    made = _decided(state, "judge", _type_of(support, cast), Tally(winner=winner, support=support))
    judged: JsonObject = {"confidence": state.judgement.confidence, "reason": state.judgement.reason}
    return {**made, "winner": label_of(state, winner) or state.judgement.position, "judge": judged}


def _type_of(support: float, cast: Sequence[Vote]) -> str:
    if not cast:
        return "inconclusive"
    return "majority" if support > 0.5 else "plurality"


def _decided(state: DebateState, rule: str, type_: str, tally: Tally) -> JsonObject:
    return {
        "rule": rule,
        "type": type_,
        "winner": label_of(state, tally.winner),
        "support": round(tally.support, DIGITS),
        "asked": state.config.debate_rules.decision,
        "verdict": state.verdict,
    }


def _votes(state: DebateState) -> JsonObject:
    """Before and after; a debate that ended before its first ballot changed nothing."""
    first = initial_votes(state)
    last = votes(state) or first
    before, after = count(first), count(last)
    is_changed = before.winner != after.winner
    return {"initial": _tally(state, before), "final": _tally(state, after), "is_changed": is_changed}


def _tally(state: DebateState, tally: Tally) -> JsonObject:
    shares: JsonObject = {label_of(state, name) or name: weight for name, weight in sorted(tally.weight.items())}
    return {
        "winner": label_of(state, tally.winner),
        "support": round(tally.support, DIGITS),
        "type": tally.type,
        "votes": shares,
    }


def _moved(state: DebateState) -> list[Json]:
    """Every change of position: from what to what, why, and what was cited for it. A ballot gives no reason."""
    moves: list[Statement | Ballot] = [*state.statements, *state.ballots]
    ordered = sorted(moves, key=lambda one: (one.round, isinstance(one, Ballot)))
    return [_move(state, one) for one in ordered if one.moved_from is not None]


def _move(state: DebateState, one: Statement | Ballot) -> JsonObject:
    cited = one.evidence if isinstance(one, Statement) else ()
    return {
        "seat": one.seat,
        "name": state.name_of(one.seat),
        "round": one.round,
        "by": "turn" if isinstance(one, Statement) else "ballot",
        "from": one.moved_from,
        "to": one.position,
        "changed_because": (one.changed_because or None) if isinstance(one, Statement) else None,
        "evidence_ids": [*cited],
        "evidence": [state.evidence[id].title for id in cited if id in state.evidence],
    }


def _participant(state: DebateState, seat: int) -> JsonObject:
    standing, agent = state.standings[seat], state.participant(seat)
    said = [one for one in state.statements if one.seat == seat]
    cast = [one for one in state.ballots if one.seat == seat]
    opening = next((one.position for one in said if one.type == "opening"), None)
    moved = [one for one in said if one.moved_from is not None]
    flips = len(moved) + sum(one.moved_from is not None for one in cast)
    reasons = sum(bool(one.changed_because.strip()) for one in moved)
    return {
        "seat": seat,
        "kind": "person" if agent is None else "agent",
        "agent_id": None if agent is None else agent.agent_id,
        "name": state.name_of(seat),
        "model": None if agent is None else agent.model,
        "initial_position": opening,
        "final_position": standing.position,
        "confidence": standing.confidence,
        "positions": _positions(state, seat),
        "turns": len(said),
        "passes": sum(one.outcome == "passed" for one in said),
        "ballots": sum(one.outcome == "cast" for one in cast),
        "flips": flips,
        "unsupported_flips": flips - reasons,
        "timeouts": standing.timeouts,
        "abstentions": standing.abstentions,
        "is_active": standing.is_active,
    }


def _positions(state: DebateState, seat: int) -> list[Json]:
    """Over time: after each turn and ballot that had one."""
    held: list[Statement | Ballot] = [one for one in state.statements if one.seat == seat and one.position is not None]
    held += [one for one in state.ballots if one.seat == seat and one.outcome == "cast"]
    return [
        {
            "round": one.round,
            "by": "ballot" if isinstance(one, Ballot) else "turn",
            "position": one.position,
            "confidence": one.confidence,
        }
        for one in sorted(held, key=lambda one: (one.round, isinstance(one, Ballot)))
    ]


def _dissent(state: DebateState) -> list[Json]:
    """The positions that did not win, with who holds them and the best that was said for each."""
    winner = decision(state)["winner"]
    lost = folded(winner) if isinstance(winner, str) else None
    held: dict[str, list[int]] = {}
    for seat, standing in sorted(state.standings.items()):
        position = folded(standing.position)
        if position is not None and position != lost:
            held.setdefault(position, []).append(seat)
    return [
        {
            "position": label_of(state, position),
            "seats": [*seats],
            "names": [state.name_of(seat) for seat in seats],
            "best_argument": _best_argument(state, position),
        }
        for position, seats in sorted(held.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _best_argument(state: DebateState, position: str) -> Json:
    """The statement with most evidence that was found, then most confidence, then the latest."""

    def strength(one: Statement) -> tuple[int, float, int]:
        return sum(id in state.evidence for id in one.evidence), one.confidence or 0.0, one.number

    said = [one for one in state.statements if one.outcome == "said" and folded(one.position) == position]
    if not said:
        return None
    best = max(said, key=strength)
    return {"number": best.number, "name": state.name_of(best.seat), "text": best.text, "round": best.round}


def _evidence(state: DebateState) -> list[Json]:
    """What was cited, in the order of citing; `is_known`: a tool has returned it in this debate."""
    cited: dict[str, list[int]] = {}
    for one in state.statements:
        for id in one.evidence:
            cited.setdefault(id, []).append(one.number)
    found: list[Json] = []
    for id, numbers in cited.items():
        known = state.evidence.get(id)
        found.append(
            {
                "id": id,
                "is_known": known is not None,
                "tool": known.tool if known else None,
                "title": known.title if known else None,
                "text": known.text if known else None,
                "cited_by": [*numbers],
            }
        )
    return found


def _warnings(state: DebateState) -> list[Json]:
    """What a reader should know before trusting the decision."""
    found: list[Json] = []
    models = {one.model for one in state.given.participants}
    if len(models) == 1:
        sentence = f"All agents speak with one language model ({models.pop()}): they are likely to err together"
        found.append({"code": "one_model", "sentence": sentence})
    flips = sum(one.flips for one in state.rounds)
    unsupported = sum(one.unsupported_flips for one in state.rounds)
    if flips and unsupported / flips > UNSUPPORTED_SHARE:
        sentence = f"{unsupported} of {flips} changes of position gave no reason"
        found.append({"code": "unsupported_flips", "sentence": sentence})
    if state.stopped == "no_quorum":
        sentence = f"Fewer than {state.config.debate_rules.quorum} participants were still answering"
        found.append({"code": "quorum_lost", "sentence": sentence})
    return found


def _agent_ids(state: DebateState) -> list[str]:
    return [one.agent_id for one in state.given.participants]
