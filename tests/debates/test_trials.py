"""Trials of scripted debates: their closed forms by exact arithmetic, their figures, the verdicts on them."""

from collections.abc import Iterator
from itertools import product
from math import comb, isclose, prod
from statistics import fmean

import pytest

from folkmoot.debates.rules import fold
from folkmoot.debates.state import DebateState
from folkmoot.debates.trials import TRIALS, Ended, Held, Moment, Trial, mean_belief, verdicts, weighted_vote
from folkmoot.runs.journal import Call, Use
from tests.debates.play import Answer, Play

pytestmark = pytest.mark.system  # everything there is of it, again and again

DEBATES = 12


def named(part: str) -> Trial:
    (found,) = [trial for trial in TRIALS if part in trial.name]
    return found


def played(trial: Trial, seeds: int = DEBATES) -> list[Ended]:
    """So many debates of a trial, without an engine."""

    def agents(state: DebateState, action: Call | Use) -> Answer:
        assert isinstance(action, Call)
        return trial.form(state, action)

    found = []
    for seed in range(seeds):
        play = Play(agents, trial.given(seed, "d"))
        end = play.run()
        found.append(trial.ended(play.state, end.stop_reason))
    return found


def majority(right: float, agents: int = 5) -> float:
    """How often most of them are right."""
    least = agents // 2 + 1
    return sum(comb(agents, k) * right**k * (1 - right) ** (agents - k) for k in range(least, agents + 1))


def test_what_is_expected_of_votes_is_exact() -> None:
    figures = {(trial.name, one.what): one.value for trial in TRIALS for one in trial.expected}
    assert isclose(figures["blind majority, p .7", "vote"], majority(0.7), abs_tol=0.0005)
    assert isclose(figures["blind majority, p .4", "vote"], majority(0.4), abs_tol=0.0005)
    assert figures["cascade, sealed ballots", "vote"] == figures["blind majority, p .7", "vote"]
    unanimous = 0.7**5 + 0.3**5
    assert isclose(figures["stop only if unanimous", "ended at the opening"], unanimous, abs_tol=0.0005)
    assert isclose(figures["stop only if unanimous", "right among those"], 0.7**5 / unanimous, abs_tol=0.0005)


def everyones() -> Iterator[tuple[float, Ended]]:
    """Every way in which the loud one and the four can hold their positions, with its probability."""
    claims = ((0.45, 0.99), *[(0.8, 0.8)] * 4)
    for rights in product((True, False), repeat=5):
        chance = prod(p if is_right else 1 - p for is_right, (p, _) in zip(rights, claims, strict=True))
        cast = tuple(Held("A" if is_right else "B", sure) for is_right, (_, sure) in zip(rights, claims, strict=True))
        yield chance, Ended(0, cast, cast, "max_rounds")


def test_the_loud_one_carries_the_vote_unless_log_odds_are_capped() -> None:
    for most, expected in ((1 - 1e-9, 0.675), (0.90, 0.888)):
        right = sum(chance * weighted_vote(most)([ended], expected).mean for chance, ended in everyones())
        assert isclose(right, expected, abs_tol=0.0005)


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_each_trial_plays_to_its_figures(trial: Trial) -> None:
    found = played(trial, 2)
    assert [one.seed for one in found] == [0, 1]
    assert all(len(one.initial) == len(one.final) == trial.agents for one in found)
    assert played(trial, 1) == found[:1], "the same seed is the same debate"
    made = verdicts(trial, found)
    assert [one.what for one in made] == [one.what for one in trial.expected]
    assert all(0 <= one.measured <= 1 and one.half > 0 for one in made)


def test_sealed_ballots_stop_the_cascade() -> None:
    sealed, visible = played(named("sealed ballots")), played(named("visible openings"))
    assert all(len({one.position for one in ended.final}) == 1 for ended in visible), "all follow the first"
    assert all(ended.final[0].position == ended.initial[0].position for ended in visible)
    assert all(ended.final == ended.initial for ended in sealed)


def test_a_debate_moves_nobodys_belief_on_average_but_evidence_does() -> None:
    """A Dirichlet belief after one more round, over all that could be said in it, is the belief before."""
    trial = named("Dirichlet")
    assert trial.believes is not None
    known = {"A": 2.0, "B": 2 / 3, "C": 2 / 3, "D": 2 / 3}
    after = 0.0
    for label, weight in known.items():
        said = ((1, 1, label),)
        after += weight / 4 * trial.believes(Moment(1, 1, 2, said))
    assert isclose(after, 0.5)
    found = played(named("correct evidence, weight 2"), 5)
    assert fmean(one.position == fold("A") for ended in found for one in ended.final) > 0.6


def ended(seed: int, position: str, *beliefs: float) -> Ended:
    held = (Held(position),)
    return Ended(seed, held, held, "max_rounds", beliefs)


def test_a_verdict_is_by_the_binomial_interval_of_what_is_expected() -> None:
    trial = named("blind majority, p .7")
    for right, holds in ((837, True), (866, True), (868, False), (808, True), (806, False)):
        (verdict,) = verdicts(trial, [ended(n, "A" if n < right else "B") for n in range(1000)])
        assert verdict.measured == right / 1000
        assert isclose(verdict.half, 2.5758 * (0.837 * 0.163 / 1000) ** 0.5 + 0.0005)
        assert verdict.holds is holds, right


def test_a_mean_of_beliefs_has_the_error_of_what_was_measured() -> None:
    sample = mean_belief([ended(1, "A", 0.4, 0.6), ended(2, "A", 0.6, 0.8), ended(3, "A", 0.2, 0.4)], 0.5)
    assert isclose(sample.mean, 0.5)
    assert isclose(sample.error, (0.08 / 3 / 3) ** 0.5)
    assert sample.size == 3


def test_a_figure_of_no_debates_says_nothing() -> None:
    """Where no opening was unanimous, nothing is known of how good those are."""
    _, among = verdicts(named("unanimous"), [ended(n, "A") for n in range(3)])
    assert (among.size, among.holds) == (0, True)


def test_ties_are_for_nobody() -> None:
    split = [Ended(seed, (), (Held("A"), Held("B")), "max_rounds") for seed in range(400)]
    assert 0.4 < weighted_vote(0.9)(split, 0.5).mean < 0.6
