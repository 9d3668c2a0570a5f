"""`folkmoot debate`: a topic and agents go in; the debate is shown while it happens, and what it came to."""

import asyncio
from typing import Annotated, Literal

import typer

from folkmoot.cli.client import Client
from folkmoot.cli.connection import connect
from folkmoot.cli.debate_progress import DebateProgress
from folkmoot.cli.debate_text import UNDER_WAY, end_lines
from folkmoot.cli.follow import Follower
from folkmoot.cli.printing import print_json, print_text
from folkmoot.cli.problems import COMPLETED, INTERRUPTED, NOT_COMPLETED, BadUsage, Refused
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import status_of
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject

_STOP_WAIT_SECONDS = 30
_DECIDED = ("consensus_reached", "completed")


def command(
    topic: Annotated[str, typer.Argument(help="What is debated, in your words.", metavar="TOPIC")],
    agents: Annotated[str, typer.Option(help="2 to 10 agents by number, slug or id, with commas between them.")],
    problem: Annotated[str | None, typer.Option(help="The problem behind it.  [default: the topic]")] = None,
    mode: Annotated[
        Literal["structured", "freeform", "autonomous"], typer.Option(help="Who decides whose turn it is.")
    ] = "autonomous",
    options: Annotated[
        str | None, typer.Option(help="What can be decided for, with commas between; else anything.")
    ] = None,
    threshold: Annotated[float, typer.Option(min=0, max=1, help="The consensus that ends it.")] = 0.8,
    rounds: Annotated[int, typer.Option(min=1, max=20, help="At most so many rounds.")] = 5,
    iterations: Annotated[int, typer.Option(min=1, max=10, help="At most so many iterations in a round.")] = 3,
    limit: Annotated[int, typer.Option(min=10, max=300, help="Seconds for each argument.")] = 60,
    decision: Annotated[
        Literal["vote", "weighted", "initial_vote"], typer.Option(help="What decides where there is no consensus.")
    ] = "vote",
    seed: Annotated[int | None, typer.Option(help="Draws the seats and aliases.  [default: from the topic]")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object and nothing else.")] = False,
) -> None:
    """Have agents debate a topic to a consensus, and follow it to its verdict."""
    given: JsonObject = {
        "debate_topic": topic,
        "problem_statement": problem or topic,
        "debate_mode": mode,
        "max_rounds": rounds,
        "max_iterations_per_round": iterations,
        "consensus_threshold": threshold,
        "time_limit_per_argument": limit,
        "selected_agents": [*_words(agents)],
        "debate_rules": _rules(options, decision, seed),
    }

    async def work(signals: Signals) -> int:
        if not topic.strip():
            raise BadUsage("The topic is empty; say what is to be debated")
        screen = Screen(is_quiet=json)
        signals.at_once.append(screen.leave_at_once)
        async with connect(screen, signals, works=True) as client:
            made = await client.post("/api/debate/initialize", given, new_id())
            progress = DebateProgress(screen, threshold)
            return await follow(client, progress, signals, made, is_json=json)

    go(work, is_json=json)


async def follow(client: Client, progress: DebateProgress, signals: Signals, made: JsonObject, *, is_json: bool) -> int:
    """Start the debate and follow it to where it rests. The exit code: 0 decided, 1 not, 130 interrupted."""
    screen, debate_id, run_id = progress.screen, str(made["debate_id"]), str(made["run_id"])
    await client.post(f"/api/debate/{debate_id}/control", {"action": "start"})
    screen.say(f"debate {debate_id}")
    code = COMPLETED
    try:
        with screen.living():
            await Follower(client, run_id, progress).to_rest()
    except asyncio.CancelledError:
        if not signals.taken():
            raise
        if signals.code != INTERRUPTED:
            screen.say(f"left; the debate goes on, see it with: folkmoot debates show {debate_id}")
            return signals.code
        code = INTERRUPTED
        await _stop(client, screen, debate_id, run_id)
    debate = await client.get(f"/api/debates/{debate_id}")
    return await tell(client, screen, debate, code, is_json=is_json)


async def _stop(client: Client, screen: Screen, debate_id: str, run_id: str) -> None:
    """Decide on what there is."""
    screen.say("stopping; Ctrl-C again leaves at once")
    try:
        await client.post(f"/api/debate/{debate_id}/control", {"action": "stop"})
    except Refused:
        screen.say("the debate has ended already")
    await client.get(f"/api/runs/{run_id}/wait", timeout=_STOP_WAIT_SECONDS)


async def tell(client: Client, screen: Screen, debate: JsonObject, code: int, *, is_json: bool) -> int:
    """Print what it came to; the report where it has ended."""
    debate_id = str(debate["debate_id"])
    if status_of(debate) in UNDER_WAY:
        screen.say(f"The debate stands still; go on with: folkmoot debates control {debate_id} resume")
        return NOT_COMPLETED
    report = await client.get(f"/api/debates/{debate_id}/report")
    if is_json:
        print_json(report)
    else:
        print_text("\n".join(end_lines(report, status_of(debate))))
    if code != COMPLETED and status_of(debate) not in _DECIDED:
        return code
    return COMPLETED if status_of(debate) in _DECIDED else NOT_COMPLETED


def _rules(options: str | None, decision: str, seed: int | None) -> JsonObject:
    rules: JsonObject = {"decision": decision}
    if options is not None:
        rules["options"] = [*_words(options)]
    return rules if seed is None else {**rules, "seed": seed}


def _words(text: str) -> list[Json]:
    return [word.strip() for word in text.split(",") if word.strip()]
