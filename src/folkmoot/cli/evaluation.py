"""`folkmoot eval debate`: whether debates do what is known of them, and whether they pay with your models."""

import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from folkmoot.cli.debate_questions import ask_questions
from folkmoot.cli.printing import print_json, print_table, table_of
from folkmoot.cli.problems import COMPLETED, NOT_COMPLETED
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.cli.trial_stage import play
from folkmoot.debates.trials import TRIALS, Verdict, verdicts
from folkmoot.kernel.json import JsonObject

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.callback()
def group() -> None:
    """Measure what the product claims."""


@command.command("debate")
def evaluate_debate(
    debates: Annotated[int, typer.Option(min=50, max=100_000, help="Scripted debates of each case.")] = 2000,
    questions: Annotated[
        Path | None, typer.Option(help="JSON lines {question, options, answer?}: debate them with your agents instead.")
    ] = None,
    agents: Annotated[str, typer.Option(help="With --questions: 2 to 10 agents, with commas between them.")] = "",
    rounds: Annotated[int, typer.Option(min=1, max=20, help="With --questions: at most so many rounds.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Play debates of scripted agents through the engine and compare them with their closed forms.

    With --questions, have your agents debate each and say what the vote was before, what it is after, and the cost.
    """

    async def work(signals: Signals) -> int:
        screen = Screen(is_quiet=json)
        if questions is not None:
            return await ask_questions(screen, signals, questions, agents, rounds, is_json=json)
        return _closed_forms(screen, debates, is_json=json)

    go(work, is_json=json)


def _closed_forms(screen: Screen, debates: int, *, is_json: bool) -> int:
    began = perf_counter()
    found = _measured(debates)
    seconds = perf_counter() - began
    failed = sum(not one.holds for one in found)
    if is_json:
        print_json({"debates": debates, "seconds": round(seconds, 1), "figures": [_figure(one) for one in found]})
    else:
        rows = ([one.trial, one.what, *_digits(one), "holds" if one.holds else "OUTSIDE"] for one in found)
        print_table(table_of(("CASE", "FIGURE", "EXPECTED", "MEASURED", "99 % INTERVAL", "DEBATES", "VERDICT"), rows))
        screen.say(f"{len(TRIALS)} cases of {debates:,} debates through the engine in {seconds:.0f} s")
        screen.say(f"{failed} figures are outside" if failed else "all figures are within their intervals")
    return NOT_COMPLETED if failed else COMPLETED


def _measured(debates: int) -> list[Verdict]:
    """The seeds are dealt to as many processes as there are processors."""
    processes = min(os.cpu_count() or 1, 8)
    parts = [range(first, debates, processes) for first in range(processes)]
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        played = list(pool.map(play, parts))
    return [
        verdict
        for index, trial in enumerate(TRIALS)
        for verdict in verdicts(trial, [one for part in played for one in part[index]])
    ]


def _digits(one: Verdict) -> Iterator[str]:
    yield from (f"{one.expected:.3f}", f"{one.measured:.3f}")
    yield f"{one.expected - one.half:.3f} to {one.expected + one.half:.3f}"
    yield f"{one.size:,}"


def _figure(one: Verdict) -> JsonObject:
    return {
        "case": one.trial,
        "figure": one.what,
        "expected": one.expected,
        "measured": round(one.measured, 4),
        "half_interval": round(one.half, 4),
        "debates": one.size,
        "holds": one.holds,
    }
