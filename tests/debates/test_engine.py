"""Debates through the engine: broken off and paused anywhere they come to the same report, and ask nobody twice."""

import pytest

from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.debates.queries import find_debate_of
from folkmoot.events.log import store
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs import service as runs
from folkmoot.runs.moves import number_events
from folkmoot.runs.rules import RunStatus
from folkmoot.runs.tables import Run
from tests.debates.play import TIMED_OUT, Agents, Answer, debate_input, holding, scripted, turn
from tests.debates.stage import Stage, done_keys, report_of, stage, taken_up
from tests.runs.seen import events_of, until

MODES = ["structured", *(pytest.param(mode, marks=pytest.mark.system) for mode in ("freeform", "autonomous"))]
MOVING: dict[str, Answer] = {
    "r2.i1.s3": turn("A", 0.6, changed_because="@1 is right", responds_to=[1]),
    "r1.b2": TIMED_OUT,
}
AGENTS = scripted(MOVING, holding("A", "B", "C"))


@pytest.fixture
def hooks() -> Hooks:
    return Hooks(before_commit=(number_events,), store=store)


def given(mode: str) -> JsonObject:
    return debate_input(debate_mode=mode, max_rounds=2, max_iterations_per_round=1)


async def unbroken(db: Database, scope: Scope, mode: str) -> tuple[Run, Stage]:
    async with stage(db, AGENTS) as host:
        run = await host.begin(scope, given(mode))
        return await host.end(scope, run), host


def hash_of(run: Run) -> object:
    assert run.result is not None
    return run.result["report_hash"]


@pytest.mark.parametrize("mode", MODES)
async def test_a_debate_that_is_broken_off_at_any_commit_has_the_same_report(
    db: Database, scope: Scope, mode: str
) -> None:
    whole, host = await unbroken(db, scope, mode)
    assert (whole.status, whole.stop_reason) == ("completed", "max_rounds")
    types = [event.type for event in await events_of(db, whole)]
    claims = set()
    for moment in range(1, len(host.executor.asked) + 4):
        async with stage(db, AGENTS) as first:
            first.die_at(moment)
            run = await first.begin(scope, given(mode))
            await first.lives(scope, run)
        known = await done_keys(db, run)
        async with stage(db, AGENTS) as second:
            await taken_up(second, first)
            run = await second.end(scope, run)
            assert not known & {*second.executor.asked}, "a finished turn is not asked for again"
        assert hash_of(run) == hash_of(whole)
        assert (await report_of(db, scope, run))["hash"] == hash_of(whole)
        told = [event.type for event in await events_of(db, run)]
        assert [kind for kind in told if kind.startswith(("argument", "ballot", "round", "debate"))] == [
            kind for kind in types if kind.startswith(("argument", "ballot", "round", "debate"))
        ]
        claims.add(run.epoch)
    assert max(claims) > whole.epoch, "some were really taken up by another"


@pytest.mark.parametrize("mode", MODES)
async def test_a_debate_that_is_paused_at_any_turn_has_the_same_report(db: Database, scope: Scope, mode: str) -> None:
    whole, host = await unbroken(db, scope, mode)
    answers = len(host.executor.asked)
    for at in range(1, answers - 2):  # the last three are ballots: all are in flight by then, and end the debate
        async with stage(db, AGENTS) as one:

            async def pause(run: Run, one: Stage = one, at: int = at) -> None:
                if len(one.executor.asked) == at:
                    await db.write(runs.pause, one.engine, scope, run.id)

            one.executor.before = pause
            run = await one.begin(scope, given(mode))
            await until(db, scope, run, RunStatus.PAUSED)
            assert len(await done_keys(db, run)) == len(one.executor.asked)
            await db.write(runs.resume, one.engine, scope, run.id)
            run = await one.end(scope, run)
            assert hash_of(run) == hash_of(whole)
            assert len(one.executor.asked) == len({*one.executor.asked}) == answers


async def test_what_is_held_begins_when_it_is_resumed(db: Database, scope: Scope) -> None:
    async with stage(db, AGENTS) as host:
        run = await host.begin(scope, given("freeform"), starts="held", deadline_seconds=100)
        assert (run.status, run.waiting_for, run.deadline_at, run.deadline_left_seconds) == (
            "paused",
            "operator",
            None,
            100,
        )
        debate = await db.read(find_debate_of, run.id)
        assert debate is not None
        assert debate.status == "initialized"
        await db.write(runs.resume, host.engine, scope, run.id)
        run = await host.end(scope, run)
    assert run.status == "completed"
    types = [event.type for event in await events_of(db, run)]
    assert types.count("debate_started") == 1
    assert types.index("debate_started") < types.index("argument_made")
    assert types[-3:] == ["debate_completed", "run_status_changed", "completion"]


async def test_a_debate_of_the_largest_kind_is_not_cut_off(db: Database, scope: Scope) -> None:
    """It makes more calls than other runs may."""
    agents: Agents = holding(*"ABABABABAB")
    rules = {"stability_rounds": 20}
    large = debate_input(10, debate_mode="freeform", max_rounds=5, max_iterations_per_round=5, rules=rules)
    async with stage(db, agents) as host:
        run = await host.end(scope, await host.begin(scope, large))
    assert (run.status, run.stop_reason, run.round_count) == ("completed", "max_rounds", 5)
