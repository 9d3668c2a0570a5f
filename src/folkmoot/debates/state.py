"""The state of a debate: what its journal says so far, with what follows from that alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict

from folkmoot.agents.turn import Turn
from folkmoot.debates.order import aliases, letters
from folkmoot.debates.rules import RoundScore, StopReason, Vote, fold
from folkmoot.debates.schemas import NewDebate, Option
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.runs.journal import Fault

Phase = Literal["speaking", "choosing", "balloting", "judging", "approving", "decided"]
StatementType = Literal["opening", "rebuttal", "counter", "conclusion", "argument", "statement"]
StatementOutcome = Literal["said", "passed", "abstained", "timed_out"]

MODERATOR, JUDGE = -1, -2
"""Seats, to whom aliases are told, of those who take no part themselves."""


class Participant(BaseModel):
    """An agent as the debate began with it. `model` is the first it asks for."""

    model_config = ConfigDict(frozen=True)

    seat: int
    agent_id: str
    name: str
    slug: str
    model: str


class DebateInput(BaseModel):
    """What a run of a debate is started with, checked; participants in the order of their seats."""

    model_config = ConfigDict(frozen=True)

    debate_id: str
    config: NewDebate
    seed: int
    participants: tuple[Participant, ...]
    moderator_agent_id: str | None = None
    judge_agent_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A person who has spoken, on a seat behind the agents'."""

    seat: int
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Something a tool has returned in this debate, by the id under which it can be cited."""

    id: str
    seat: int
    tool: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A turn that was published. `moved_from` is the position its speaker gave up with it."""

    number: int
    round: int
    iteration: int
    key: str
    type: StatementType
    outcome: StatementOutcome
    seat: int
    at: datetime
    text: str = ""
    position: str | None = None
    confidence: float | None = None
    responds_to: tuple[int, ...] = ()
    evidence: tuple[str, ...] = ()
    changed_because: str = ""
    is_advocate: bool = False
    detail: str | None = None
    moved_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """One seat's ballot of a round; one that was not cast carries what the seat held before."""

    round: int
    seat: int
    outcome: Literal["cast", "abstained", "timed_out"]
    position: str | None = None
    confidence: float | None = None
    agreement: Mapping[int, float] = field(default_factory=dict)
    moved_from: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a participant stands. `vote` is its last ballot, `voted` are the folded positions of all of them.

    `silent` are its timeouts in a row.
    """

    position: str | None = None
    confidence: float | None = None
    agreement: Mapping[int, float] = field(default_factory=dict)
    vote: tuple[str, float] | None = None
    voted: frozenset[str] = frozenset()
    silent: int = 0
    timeouts: int = 0
    abstentions: int = 0

    @property
    def is_active(self) -> bool:
        return self.silent < SILENT_LIMIT


SILENT_LIMIT = 2
"""Timeouts in a row after which a participant is inactive until it answers again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    position: str
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What the calls of language models took; `cost` in USD, None where a price is unknown."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = Decimal(0)

    def plus(self, usage: Json) -> "Spent":
        """With what a journal entry says of its call."""
        match usage:
            case {"input_tokens": int(read), "output_tokens": int(written), "cost_usd": None | str() as price}:
                cost = None if price is None or self.cost is None else self.cost + Decimal(price)
                return Spent(self.calls + 1, self.input_tokens + read, self.output_tokens + written, cost)
            case _:
                return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came of a turn or a ballot that nobody sees yet: what the model filled in, or why that is missing."""

    at: datetime
    form: JsonObject | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What the entry of that seq has brought; `due` are the keys of what it made due."""

    seq: int = 0
    statements: tuple[Statement, ...] = ()
    ballots: tuple[Ballot, ...] = ()
    rounds: tuple[RoundScore, ...] = ()
    due: tuple[str, ...] = ()

    @property
    def is_shown(self) -> bool:
        """Whether the debate looks different from outside."""
        return bool(self.statements or self.rounds or self.due)


@dataclass(frozen=True, kw_only=True)
class DebateState:
    """`due` are the seats whose turns or ballots are wanted: all at once in a group, else the first of them.

    `shown` is the number of statements that were published when the turns that are due became so. `turns` are the
    open ones by seat, `kept` what came of those of a group that are over and wait for the others.
    """

    given: DebateInput
    began_at: datetime
    last_at: datetime
    phase: Phase = "speaking"
    round: int = 1
    iteration: int = 1
    due: tuple[int, ...] = ()
    shown: int = 0
    choice: int = 0
    question: str = ""
    turns: Mapping[int, Turn] = field(default_factory=dict)
    kept: Mapping[int, Said] = field(default_factory=dict)
    statements: tuple[Statement, ...] = ()
    ballots: tuple[Ballot, ...] = ()
    standings: Mapping[int, Standing] = field(default_factory=dict)
    rounds: tuple[RoundScore, ...] = ()
    guests: tuple[Guest, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    spent: Spent = Spent()
    stopped: StopReason | None = None
    judgement: Judgement | None = None
    verdict: Literal["approved", "rejected", "expired"] | None = None
    is_over: bool = False
    news: News = News()

    @property
    def config(self) -> NewDebate:
        return self.given.config

    @property
    def seats(self) -> tuple[int, ...]:
        """The agents'."""
        return tuple(participant.seat for participant in self.given.participants)

    @property
    def active(self) -> tuple[int, ...]:
        return tuple(seat for seat in self.seats if self.standings[seat].is_active)

    @property
    def is_parallel(self) -> bool:
        """Whether all turns that are due go on at the same time and are published together."""
        return self.round == 1 or self.config.debate_mode == "freeform"

    @property
    def is_closed(self) -> bool:
        """Whether positions are those of a list of options."""
        return self.config.debate_rules.options is not None

    @cached_property
    def of_round(self) -> tuple[Statement, ...]:
        """The agents' statements of this round."""
        agents = len(self.seats)
        return tuple(one for one in self.statements if one.round == self.round and one.seat <= agents)

    @property
    def is_spoken_ballot(self) -> bool:
        """Whether what is said in a turn is the vote as well."""
        return self.config.debate_rules.ballot == "inline"

    def may_speak(self, seat: int) -> bool:
        """An inactive participant has one try a round to come back: its sealed ballot, else a turn."""
        return self.standings[seat].is_active or (self.is_spoken_ballot and not self.turns_of(seat))

    def turns_of(self, seat: int) -> int:
        """How often an agent had its turn in this round."""
        return sum(one.seat == seat for one in self.of_round)

    def participant(self, seat: int) -> Participant | None:
        """The agent on a seat; None for a person."""
        return self.given.participants[seat - 1] if 0 < seat <= len(self.given.participants) else None

    def name_of(self, seat: int) -> str:
        agent = self.participant(seat)
        return agent.name if agent is not None else next(guest.name for guest in self.guests if guest.seat == seat)

    def aliases_for(self, recipient: int) -> dict[int, str]:
        """What this recipient calls the others in this round: letters, or slugs where nobody is anonymous.

        Whoever comes in later, as people do, is called by a letter behind those.
        """
        if not self.config.debate_rules.anonymous:
            named = {one.seat: one.slug for one in self.given.participants}
            named |= {guest.seat: f"person-{guest.seat - len(self.seats)}" for guest in self.guests}
            return {seat: name for seat, name in named.items() if seat != recipient}
        known = aliases(self.seats, recipient, seed=self.given.seed, number=self.round)
        return known | {guest.seat: letters(index) for index, guest in enumerate(self.guests, len(known))}


def voters(state: DebateState) -> tuple[int, ...]:
    """Whose positions make the score: active agents, and people with a position where they may vote."""
    people = state.guests if state.config.debate_rules.person_votes else ()
    return (*state.active, *(guest.seat for guest in people if state.standings[guest.seat].position is not None))


def advocate(state: DebateState) -> int | None:
    """The seat that has to attack the leading position in this round."""
    if not state.config.debate_rules.devils_advocate or state.round == 1:
        return None
    return state.seats[(state.round - 1) % len(state.seats)]


def folded(position: str | None) -> str | None:
    return None if position is None else fold(position)


def option_of(state: DebateState, label: str) -> Option | None:
    """The option that a label names, by its id or by what it means."""
    options = state.config.debate_rules.options or ()
    wanted = fold(label)
    by_id = next((option for option in options if fold(option.id) == wanted), None)
    return by_id or next((option for option in options if fold(option.text) == wanted), None)


def votes(state: DebateState) -> list[Vote]:
    """The last ballots."""
    people = [guest.seat for guest in state.guests] if state.config.debate_rules.person_votes else []
    cast = ((seat, state.standings[seat].vote) for seat in (*state.seats, *people))
    return [Vote(seat=seat, position=fold(vote[0]), confidence=vote[1]) for seat, vote in cast if vote is not None]


def initial_votes(state: DebateState) -> list[Vote]:
    """The openings: what each agent thought before it saw any other."""
    return [
        Vote(seat=one.seat, position=fold(one.position), confidence=one.confidence or 0.0)
        for one in state.statements
        if one.type == "opening" and one.outcome == "said" and one.position is not None
    ]
