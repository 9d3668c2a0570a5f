"""Driver with a scripted model: it delegates, has an agent made, asks a person and finishes, whatever breaks."""

import asyncio
from collections import Counter

import pytest

from folkmoot.agents.queries import list_agents
from folkmoot.core_agents.delegation import OPERATOR
from folkmoot.db.database import Database
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.approval_schemas import Resolution
from folkmoot.runs.approvals import resolve
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.queries import journal
from folkmoot.runs.rules import FINAL, STANDING
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.sweep import recover, sweep
from folkmoot.runs.tables import Run
from tests.core_agents.stage import RESULT, Cast, initialized, stage
from tests.runs.seen import approvals, events_of
from tests.stubs.openai_stub import OpenAIStub, Reply

TASK: JsonObject = {"agent": "driver", "text": "Have the wall painted"}
NEW = {"kind": OPERATOR, "title": "Have the wall painted", "input": TASK}


async def see_through(engine: RunEngine, scope: Scope, run_id: str) -> Run:
    """To its end; what it asks is answered."""
    while (run := await engine.wait(scope, run_id, 20, until=STANDING)).status not in FINAL:
        for asked in await approvals(engine.database, scope, "pending"):
            if asked.run_id == run_id:
                answer = Resolution(decision="approve", feedback="red")
                await engine.database.write(resolve, engine, scope, asked.id, answer)
    return run


async def start(db: Database, engine: RunEngine, scope: Scope) -> Run:
    return await db.write(start_run, engine, scope, NewRun(**NEW))  # type: ignore[arg-type]


async def test_it_delegates_has_an_agent_made_asks_and_finishes(db: Database, scope: Scope) -> None:
    await initialized(db, scope)
    cast = Cast()
    async with OpenAIStub(cast) as stub, stage(db, stub.base_url) as engine:
        run = await see_through(engine, scope, (await start(db, engine, scope)).id)
        assert (run.status, run.stop_reason) == ("completed", "finished"), run.error_message
        assert run.result is not None
        assert run.result["response"] == RESULT
        told = [event.data for event in await events_of(db, run) if event.type == "workflow_update"]
        agents, _ = await db.read(list_agents, scope, {"agent_type": "dynamic"}, 0, 10)
    assert [one["status"] for one in told] == [
        *("started", "delegated", "step_done", "creating_agent", "step_done", "asking", "step_done", "finished")
    ]
    assert {one["workflow_id"] for one in told} == {run.id}
    assert [(agent.name, agent.config["tools"], agent.origin["spec_source"]) for agent in agents] == [
        ("Painter", ["search_knowledge"], "llm")
    ]
    assert cast.asked == Counter([*(f"driver {step}" for step in range(4)), "Research", "AgentSpec"])
    answered = stub.calls[-1]["messages"]
    assert isinstance(answered, list)
    assert "red" in str(answered[-1])


async def test_an_agent_made_by_an_agent_has_no_more_than_its_maker(db: Database, scope: Scope) -> None:
    """Driver may search, not ask itself for what it was never given; what it has not, its agent cannot have."""
    await initialized(db, scope)
    cast = Cast()
    async with OpenAIStub(cast) as stub, stage(db, stub.base_url) as engine:
        run = await see_through(engine, scope, (await start(db, engine, scope)).id)
        assert run.status == "completed"
        asked = next(body for body in stub.calls if "AgentSpec" in str(body.get("response_format")))
    assert "search_knowledge" in str(asked["messages"])
    made, _ = await db.read(list_agents, scope, {"agent_type": "dynamic"}, 0, 10)
    assert made[0].origin["by"] == {"kind": "agent", "id": (await db.read(list_agents, scope, {}, 0, 1))[0][0].id}


async def test_at_most_eight_pieces_of_work_are_given_away(db: Database, scope: Scope) -> None:
    await initialized(db, scope)

    def greedy(body: JsonObject) -> Reply:
        tools = str(body.get("tools"))
        if "'finish'" not in tools:
            return Cast()(body)
        if "'delegate'" not in tools:
            return Reply(text="I have to do the rest myself.")
        call = ("delegate", '{"agent": "creator", "task": "Look again"}')
        return Reply(calls=(call,) * 5, finish="tool_calls")

    async with OpenAIStub(greedy) as stub, stage(db, stub.base_url) as engine:
        run = await see_through(engine, scope, (await start(db, engine, scope)).id)
        entries = await db.read(journal, run.id)
    assert run.status == "completed"
    children = [entry for entry in entries if entry.kind == "waiting" and entry.data["for"] == "child"]
    assert len(children) == 8


async def test_a_model_that_fails_is_a_failure(db: Database, scope: Scope) -> None:
    await initialized(db, scope)
    async with OpenAIStub([Reply(status=500, text="broken")]) as stub, stage(db, stub.base_url) as engine:
        run = await see_through(engine, scope, (await start(db, engine, scope)).id)
        told = [event.data["status"] for event in await events_of(db, run) if event.type == "workflow_update"]
    assert run.status == "failed"
    assert told == ["started", "failed"]


@pytest.mark.parametrize("some", [(2, 8, 14), pytest.param((), marks=pytest.mark.system, id="all")])
async def test_a_crash_at_any_moment_changes_nothing(db: Database, scope: Scope, some: tuple[int, ...]) -> None:
    await initialized(db, scope)
    cast = Cast()
    async with OpenAIStub(cast, keep_calls=False) as stub:
        unbroken, commits = await broken(db, scope, stub.base_url, None)
        expected = await keys(db, unbroken.id)
        claims = set()
        moments = some or range(1, commits + 1)
        for moment in moments:
            run, _ = await broken(db, scope, stub.base_url, moment)
            assert (run.status, run.stop_reason) == ("completed", "finished"), (moment, run.error_message)
            assert await keys(db, run.id) == expected, moment
            claims.add(run.epoch)
    assert max(claims) > unbroken.epoch, "some were really taken up by another"
    made, total = await db.read(list_agents, scope, {"agent_type": "dynamic"}, 0, 200)
    assert total == len(moments) + 1, "one agent for each run"
    assert len({agent.slug for agent in made}) == total


async def broken(db: Database, scope: Scope, base_url: str, moment: int | None) -> tuple[Run, int]:
    """A run whose first host dies at that commit, and how many there were; None lets it live."""
    count, dead = 0, asyncio.Event()
    async with stage(db, base_url) as first:

        def die(_: set[str]) -> None:
            nonlocal count
            count += 1
            if count == moment:
                first.supervisor.cancel()
                dead.set()

        db.hooks.published = die
        run = await start(db, first, scope)
        end = asyncio.ensure_future(see_through(first, scope, run.id))
        death = asyncio.ensure_future(dead.wait())
        await asyncio.wait((end, death), return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        death.cancel()
        await asyncio.gather(end, death, return_exceptions=True)
        await first.supervisor.stop()
        await db.write(lambda tx, _: None, scope)  # behind what was on its way when it died
        db.hooks.published = lambda _: None
    async with stage(db, base_url) as second:
        await recover(second, {first.host_id})
        await sweep(second)
        return await see_through(second, scope, run.id), count


async def keys(db: Database, run_id: str) -> list[tuple[str, str]]:
    """What was done and asked, without what time and attempts leave in a journal."""
    entries = await db.read(journal, run_id)
    return sorted((entry.kind, entry.key) for entry in entries if entry.kind in ("begun", "done", "ended"))


@pytest.fixture(autouse=True)
def _left_as_it_was(db: Database) -> None:
    """A test that breaks leaves no hook of its own behind."""
    db.hooks.published = lambda _: None
