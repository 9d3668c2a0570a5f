"""Conversations that lose their host at any moment: the next one goes on, and the journal is as if nothing had been."""

import asyncio
import json

import pytest

from folkmoot.db.database import Database
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.journal import is_closing
from folkmoot.runs.queries import journal
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.sweep import recover, sweep
from folkmoot.runs.tables import Run
from folkmoot.teams.schemas import RoleSeat, TeamSpec
from folkmoot.teams.service import apply_team
from folkmoot.teams.team import Limits, Orchestration
from folkmoot.usage.rules import OnExceeded
from folkmoot.usage.schemas import RunBudget
from tests.teams.stage import practice, stage

pytestmark = pytest.mark.system

GIVEN: JsonObject = {
    "team": "desk",
    "name": "Say what a crash costs",
    "description": "Say what a crash costs, with sources",
    "max_rounds": 5,
    "max_revision_rounds": 2,
    "memory_size": 50,
}


SUMMED = ["summary", "end"]


def seat(slug: str) -> RoleSeat:
    return RoleSeat(slug=slug, instructions=f"You are the {slug}.")


def desk(orchestration: Orchestration) -> TeamSpec:
    return TeamSpec(
        slug="desk",
        orchestration=orchestration,
        lead=seat("editor"),
        members=(seat("writer"), seat("checker")),
        reviewer=seat("judge"),
        limits=Limits(max_turns=5),
    )


@pytest.mark.parametrize("orchestration", ["round_robin", "selector", "handoff", "supervisor"])
async def test_a_crash_at_any_moment_changes_no_journal(
    db: Database, scope: Scope, orchestration: Orchestration
) -> None:
    gateway = practice()
    await db.write(apply_team, gateway, scope, desk(orchestration))
    await gateway.aclose()
    unbroken = await broken(db, scope, None)
    assert (unbroken.status, unbroken.stop_reason) == ("completed", "approved")
    expected = await canonical(db, unbroken.id)
    claims = set()
    for moment in range(1, unbroken.journal_seq + 8):
        run = await broken(db, scope, moment)
        assert (run.status, run.stop_reason) == (unbroken.status, unbroken.stop_reason)
        assert await canonical(db, run.id) == expected, moment
        claims.add(run.epoch)
    assert max(claims) > unbroken.epoch, "some were really taken up by another"


async def test_a_crash_at_any_moment_leaves_a_closed_run_its_summary(db: Database, scope: Scope) -> None:
    """A call that was lost counts at its ceiling: after a crash a budget may be used up earlier than without."""
    gateway = practice()
    await db.write(apply_team, gateway, scope, desk("round_robin"))
    await gateway.aclose()
    budget = RunBudget(tokens=8_000, on_exceeded=OnExceeded.STOP)
    unbroken = await broken(db, scope, None, budget)
    assert await behind_closing(db, unbroken) == SUMMED
    summed = 0
    for moment in range(1, unbroken.journal_seq + 8):
        run = await broken(db, scope, moment, budget)
        assert (run.status, run.stop_reason) == ("failed", "budget_exhausted"), moment
        assert run.result is not None
        assert run.result["summary"]
        behind = await behind_closing(db, run)
        assert behind in (None, SUMMED, SUMMED[1:]), moment
        summed += behind == SUMMED
    assert summed > 1


async def behind_closing(db: Database, run: Run) -> list[str] | None:
    """The keys of the journal from where only a closing call was left; None where there was none to be made."""
    entries = await db.read(journal, run.id)
    closed = [place for place, entry in enumerate(entries, 1) if is_closing(entry)]
    assert len(closed) <= 1
    return [entry.key for entry in entries[closed[0] :]] if closed else None


async def broken(db: Database, scope: Scope, moment: int | None, budget: RunBudget | None = None) -> Run:
    """A run whose first host dies at that commit; None lets it live."""
    async with stage(db, practice()) as first:
        count, dead = 0, asyncio.Event()

        def die(_: set[str]) -> None:
            nonlocal count
            count += 1
            if count == moment:
                first.supervisor.cancel()
                dead.set()

        db.hooks.published = die
        run = await db.write(start_run, first, scope, NewRun(kind="team", title="x", input=GIVEN, budget=budget))
        end = asyncio.ensure_future(first.wait(scope, run.id, 20))
        death = asyncio.ensure_future(dead.wait())
        await asyncio.wait((end, death), return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        death.cancel()
        await first.supervisor.stop()
        await db.write(lambda tx, _: None, scope)  # behind what was on its way when it died
        db.hooks.published = lambda _: None
    async with stage(db, practice()) as second:
        await recover(second, {first.host_id})
        await sweep(second)
        return await second.wait(scope, run.id, 20)


async def canonical(db: Database, run_id: str) -> list[tuple[str, str, str]]:
    """Entries by key, without what time, chance and attempts leave in them."""
    entries = await db.read(journal, run_id)
    return sorted((entry.kind, entry.key, json.dumps(comparable(entry.data), sort_keys=True)) for entry in entries)


def comparable(data: Json) -> Json:
    if not isinstance(data, dict):
        return data
    dropped = ("usage", "seed", "by", "ref", "run_id", "metrics")
    return {name: comparable(value) for name, value in data.items() if name not in dropped}
