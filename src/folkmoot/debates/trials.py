"""Debates of scripted agents whose outcome is known in closed form: what `folkmoot eval debate` measures. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import sqrt
from random import Random
from statistics import fmean, pstdev
from typing import Final

from folkmoot.debates.rules import Vote, count, count_weighted, fold
from folkmoot.debates.schemas import NewDebate
from folkmoot.debates.state import DebateInput, DebateState, Participant, initial_votes, votes
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.journal import Call

RIGHT: Final = "A"
Z_99: Final = 2.5758
"""Quantile of the normal distribution for a two-sided interval of 99 %."""

_UNCAPPED = 1 - 1e-9
_ROUNDS = 6
_BELIEF: Final = {"A": 2.0, "B": 2 / 3, "C": 2 / 3, "D": 2 / 3}
"""A Dirichlet belief over four options worth four observations, half of it for the right one."""


@dataclass(frozen=True, slots=True)
class Held:
    position: str
    confidence: float = 0.8


@dataclass(frozen=True, slots=True)
class Moment:
    """What a scripted agent knows when it answers: who it is, the round, what was published, the debate's seed."""

    seed: int
    seat: int
    round: int
    said: tuple[tuple[int, int, str], ...]
    """Round, seat and position of every statement, in the order in which they were published."""

    def draw(self, *more: object) -> Random:
        """The same draws whenever this moment comes again."""
        return Random(":".join(map(str, (self.seed, self.seat, *more))))  # noqa: S311 draws of a trial, no secrets


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left of a debate: the votes before and after, how it ended, what its agents believed at the end."""

    seed: int
    initial: tuple[Held, ...]
    final: tuple[Held, ...]
    stop_reason: str
    beliefs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """The mean of what was measured (0..1), its standard error where `expected` were true, how many there were."""

    mean: float
    error: float
    size: int


@dataclass(frozen=True, slots=True)
class Expected:
    """A figure and its closed form, 0..1."""

    what: str
    value: float
    measure: Callable[[Sequence[Ended], float], Sample]


@dataclass(frozen=True, slots=True)
class Trial:
    """One series of debates: how its agents answer, by which rules, and what has to come of it."""

    name: str
    answer: Callable[[Moment], Held]
    expected: tuple[Expected, ...]
    agents: int = 5
    options: tuple[str, ...] = ("A", "B")
    rounds: int = 1
    rules: JsonObject = field(default_factory=dict)
    believes: Callable[[Moment], float] | None = None

    def given(self, seed: int, debate_id: str) -> JsonObject:
        """The input of the debate's run."""
        rules: JsonObject = {
            "options": [*self.options],
            "ballot": "inline",
            "min_rounds": self.rounds,
            "stability_rounds": 20,
            "stop_if_unanimous_open": False,
            "seed": seed,
            **self.rules,
        }
        config = NewDebate.model_validate(
            {
                "debate_topic": self.name,
                "problem_statement": "One of the options is right.",
                "debate_mode": "freeform",
                "max_rounds": self.rounds,
                "max_iterations_per_round": 1,
                "consensus_threshold": 1.0,
                "selected_agents": [str(seat) for seat in range(1, self.agents + 1)],
                "debate_rules": rules,
            }
        )
        seated = tuple(
            Participant(seat=seat, agent_id=str(seat), name=f"Agent {seat}", slug=f"agent-{seat}", model="scripted")
            for seat in range(1, self.agents + 1)
        )
        made = DebateInput(debate_id=debate_id, config=config, seed=seed, participants=seated)
        return made.model_dump(mode="json")

    def form(self, state: DebateState, call: Call) -> JsonObject:
        """What a scripted agent answers to a call, as a language model's answer is journalled."""
        held = self.answer(_moment(state, _seat(call)))
        known: JsonObject = {"position": held.position, "confidence": held.confidence}
        if call.output == "ballot":
            return {**known, "agreement": {}}
        empty: JsonObject = {"responds_to": [], "evidence": [], "changed_because": "", "is_pass": False}
        return {"text": held.position, **known, **empty}

    def ended(self, state: DebateState, stop_reason: str) -> Ended:
        seats = state.seats
        beliefs = () if self.believes is None else tuple(self.believes(_moment(state, seat)) for seat in seats)
        first = initial_votes(state)
        return Ended(state.given.seed, _held(first), _held(votes(state) or first), stop_reason, beliefs)


def _seat(call: Call) -> int:
    seat = call.recipe["seat"]
    assert isinstance(seat, int)
    return seat


def _moment(state: DebateState, seat: int) -> Moment:
    said = tuple((one.round, one.seat, one.position) for one in state.statements if one.position is not None)
    return Moment(state.given.seed, seat, state.round, said)


def _held(cast: Sequence[Vote]) -> tuple[Held, ...]:
    return tuple(Held(vote.position, vote.confidence) for vote in cast)


def independent(right: float) -> Callable[[Moment], Held]:
    """An agent that is right with that probability, and stays with what it thought first."""

    def answer(moment: Moment) -> Held:
        return Held("A" if moment.draw().random() < right else "B")

    return answer


def conforming(right: float) -> Callable[[Moment], Held]:
    """The same at the opening; once it sees the others it says what the first of them said."""

    def answer(moment: Moment) -> Held:
        return Held(moment.said[0][2]) if moment.said else independent(right)(moment)

    return answer


def loud(moment: Moment) -> Held:
    """Four agents that are right with .8 and say so; one with .45 that claims .99."""
    is_loud = moment.seat == 1
    right, claimed = (0.45, 0.99) if is_loud else (0.8, 0.8)
    return Held(independent(right)(moment).position, claimed)


def belief(moment: Moment, weight: float) -> dict[str, float]:
    """Dirichlet parameters after what was published, the right option's count weighing `weight`.

    The model of debates as Bayesian updates on each other's answers, whose mean belief is a martingale where
    `weight` is 1 (Choi, Zhu and Li 2025, "Debate or Vote").
    """
    known = dict(_BELIEF)
    for _, _, position in moment.said:
        known[position] += weight if position == RIGHT else 1.0
    return known


def bayesian(weight: float) -> Callable[[Moment], Held]:
    """An agent that answers as its belief says, drawn anew each round."""

    def answer(moment: Moment) -> Held:
        known = belief(moment, weight)
        drawn = moment.draw(moment.round).choices([*known], [*known.values()])
        return Held(drawn[0])

    return answer


def believed(moment: Moment) -> float:
    """The mean belief in the right option, where no evidence weighs more than another."""
    known = belief(moment, 1.0)
    return known[RIGHT] / sum(known.values())


def _won(cast: Sequence[Held], seed: int, most: float | None = None) -> bool:
    """Whether the right option has the vote; a tie is decided by the seed's coin. `most` caps log-odds weights."""
    given = [Vote(seat=seat, position=fold(one.position), confidence=one.confidence) for seat, one in enumerate(cast)]
    tally = count(given) if most is None else count_weighted(given, most)
    best = max(tally.weight.values())
    first = sorted(position for position, weight in tally.weight.items() if weight >= best - 1e-9)
    return Random(f"tie:{seed}").choice(first) == fold(RIGHT)  # noqa: S311 the coin of a trial, no secret


def _share(hits: Sequence[bool], expected: float) -> Sample:
    """With the standard error of a binomial share."""
    size = len(hits)
    return Sample(sum(hits) / size if size else 0.0, sqrt(expected * (1 - expected) / size) if size else 1.0, size)


def initial_vote(found: Sequence[Ended], expected: float) -> Sample:
    return _share([_won(one.initial, one.seed) for one in found], expected)


def final_vote(found: Sequence[Ended], expected: float) -> Sample:
    return _share([_won(one.final, one.seed) for one in found], expected)


def weighted_vote(most: float) -> Callable[[Sequence[Ended], float], Sample]:
    return lambda found, expected: _share([_won(one.final, one.seed, most) for one in found], expected)


def stopped_at_opening(found: Sequence[Ended], expected: float) -> Sample:
    return _share([one.stop_reason == "independent" for one in found], expected)


def right_where_stopped(found: Sequence[Ended], expected: float) -> Sample:
    return _share([_won(one.final, one.seed) for one in found if one.stop_reason == "independent"], expected)


def mean_belief(found: Sequence[Ended], expected: float) -> Sample:
    """Over debates; the standard error is that of their means."""
    means = [fmean(one.beliefs) for one in found]
    return Sample(fmean(means), pstdev(means) / sqrt(len(means)), len(means))


TRIALS: Final = (
    Trial("blind majority, p .7", independent(0.7), (Expected("vote", 0.837, final_vote),)),
    Trial("blind majority, p .4", independent(0.4), (Expected("vote", 0.317, final_vote),)),
    Trial("cascade, visible openings", conforming(0.7), (Expected("vote", 0.700, final_vote),), rounds=2),
    Trial(
        "cascade, sealed ballots",
        independent(0.7),
        (Expected("vote", 0.837, final_vote),),
        rules={"ballot": "sealed"},
    ),
    Trial(
        "Dirichlet debate",
        bayesian(1.0),
        (
            Expected("mean belief", 0.500, mean_belief),
            Expected("vote before", 0.676, initial_vote),
            Expected("vote after", 0.607, final_vote),
        ),
        options=("A", "B", "C", "D"),
        rounds=_ROUNDS,
        believes=believed,
    ),
    *(
        Trial(
            f"correct evidence, weight {weight:g}",
            bayesian(weight),
            (Expected("vote after", vote, final_vote),),
            options=("A", "B", "C", "D"),
            rounds=_ROUNDS,
        )
        for weight, vote in ((1.5, 0.787), (2.0, 0.882))
    ),
    Trial(
        "stop only if unanimous",
        independent(0.7),
        (
            Expected("ended at the opening", 0.170, stopped_at_opening),
            Expected("right among those", 0.986, right_where_stopped),
        ),
        rounds=2,
        rules={"stop_if_unanimous_open": True},
    ),
    Trial(
        "one loud wrong agent",
        loud,
        (
            Expected("log-odds, uncapped", 0.675, weighted_vote(_UNCAPPED)),
            Expected("log-odds, capped at .90", 0.888, weighted_vote(0.90)),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A figure beside its closed form; `half` is half of the interval of 99 % around what was expected."""

    trial: str
    what: str
    expected: float
    measured: float
    half: float
    size: int

    @property
    def holds(self) -> bool:
        return abs(self.measured - self.expected) <= self.half


def verdicts(trial: Trial, found: Sequence[Ended]) -> list[Verdict]:
    """One for each figure of the trial. Closed forms are given to three digits, which widens the interval by .0005."""
    made = []
    for expected in trial.expected:
        sample = expected.measure(found, expected.value)
        half = Z_99 * sample.error + 0.0005
        made.append(Verdict(trial.name, expected.what, expected.value, sample.mean, half, sample.size))
    return made
