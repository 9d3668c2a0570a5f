"""The life of agents over HTTP: the whole table of transitions, verbs, hooks that fail, and what is laid over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import product

import pytest
import sqlalchemy as sa

from folkmoot.agents import hosting, upkeep
from folkmoot.agents.registry import AgentRegistry
from folkmoot.agents.rules import TRANSITIONS, AgentStatus, shown_status
from folkmoot.agents.tables import AgentInstance
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.engine.tables import Host
from folkmoot.events.queries import list_events
from folkmoot.events.rules import about
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.tables import Run, RunAgent
from tests.agents.classes import Script, registry_of, scripted
from tests.agents.office import Office, open_office

pytestmark = pytest.mark.system  # what happens with time, and hooks that take some

AGENTS = "/api/agents"
PAIRS = list(product(AgentStatus, AgentStatus))
ALLOWED = {
    "idle": {"initializing", "active", "offline", "error"},
    "initializing": {"active", "error", "offline"},
    "active": {"busy", "idle", "error", "offline"},
    "busy": {"active", "idle", "error", "offline"},
    "error": {"idle", "active", "offline"},
    "offline": {"idle", "initializing", "active"},
}


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def office(db: Database, scope: Scope, script: Script) -> AsyncIterator[Office]:
    """One that knows the class `scripted`."""
    async with open_office(db, scope, registry=registry_of(script)) as office:
        yield office


def put(tx: Tx, /, agent: JsonObject, **values: object) -> None:
    tx.write(sa.update(AgentInstance).where(AgentInstance.id == str(agent["id"])).values(**values))


async def told(office: Office, agent: JsonObject, *types: str) -> list[JsonObject]:
    """The data of the agent's events, with their type."""
    mine = about("agent_id", str(agent["id"]))
    events = await office.db.read(list_events, office.scope.workspace_id, 0, 500, mine)
    return [{"type": event.type, **event.data} for event in events if not types or event.type in types]


async def flips(office: Office, agent: JsonObject) -> list[tuple[object, object]]:
    found = await told(office, agent, "agent_status_changed")
    return [(event["previous_status"], event["status"]) for event in found]


def test_the_table_is_the_agreed_one() -> None:
    assert {before: set(after) for before, after in TRANSITIONS.items()} == ALLOWED


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=[f"{before}-{after}" for before, after in PAIRS])
async def test_every_pair_over_http(office: Office, before: str, after: str) -> None:
    agent = await office.hire()
    await office.db.write(put, agent, status=str(before), last_error="it broke" if before == "error" else None)
    code, answer = await office.patch(agent, status=str(after))
    if before == after:
        assert (code, answer["status"]) == (200, before)
        assert await flips(office, agent) == []
    elif after in ALLOWED[before]:
        assert (code, answer["status"]) == (200, after)
        assert (await flips(office, agent))[-1] == (before, after)
        assert answer["last_error"] is None
    else:
        assert (code, answer["code"], answer["detail"]) == (
            409,
            "illegal_agent_status",
            f"An agent cannot go from {before} to {after}",
        )
        assert (answer["current"], answer["requested"]) == (before, after)
        assert await office.status(agent) == before


@pytest.mark.parametrize(("verb", "status"), [("activate", "active"), ("deactivate", "idle"), ("shutdown", "offline")])
async def test_verbs_of_an_agent_without_a_class(office: Office, verb: str, status: str) -> None:
    made = await office.make("assistant", activate=verb != "activate")
    code, answer = await office.verb(made, verb)
    assert (code, answer["status"]) == (200, status)
    assert await office.verb(made, verb) == (200, answer), "the same status is no change"
    actions = [event["action"] for event in await told(office, made, "agent_activity")]
    assert actions[-1] == verb
    assert actions.count(verb) == 1
    assert (await office.client.post(f"{AGENTS}/77/{verb}")).status_code == 404
    assert (await office.client.post(f"{AGENTS}/1/{verb}")).status_code == 503


async def test_the_hooks_of_a_class_are_called_in_turn(office: Office, script: Script) -> None:
    made = await office.make("scripted")
    assert (made["status"], made["config"], made["state"]) == ("active", {"depth": 3}, {"initialized": True})
    assert script.called == ["initialize", "activate"]
    for verb, status in (("deactivate", "idle"), ("activate", "active"), ("shutdown", "offline")):
        assert (await office.verb(made, verb))[1]["status"] == status
    assert script.called == ["initialize", "activate", "deactivate", "activate", "shutdown"]
    assert (await office.verb(made, "activate"))[1]["status"] == "active"
    assert script.called[5:] == ["initialize", "activate"]
    assert await flips(office, made) == [
        *(("idle", "initializing"), ("initializing", "active"), ("active", "idle"), ("idle", "active")),
        *(("active", "offline"), ("offline", "initializing"), ("initializing", "active")),
    ]


async def test_an_idle_agent_of_a_class_waits_to_be_called(office: Office, script: Script) -> None:
    made = await office.make("scripted", activate=False)
    assert (made["status"], script.called) == ("idle", [])
    assert (await office.patch(made, status="initializing"))[1]["status"] == "idle", "it was, and is ready"
    assert script.called == ["initialize"]
    assert (await office.patch(made, status="active"))[1]["status"] == "active"
    assert script.called == ["initialize", "activate"]
    assert (await office.patch(made, status="busy"))[1]["status"] == "busy"
    assert (await office.patch(made, status="active"))[1]["status"] == "active"
    assert script.called == ["initialize", "activate"], "to busy and back is said of it, not done to it"


@pytest.mark.parametrize("what", ["raise", "hang", "cling", "exit"])
async def test_a_hook_that_fails_is_an_error_with_its_reason(db: Database, scope: Scope, what: str) -> None:
    """Each in an agent of its own, all at once: hooks that hang are given up only after a while."""
    scripts = {hook: Script() for hook in ("initialize", "activate", "deactivate", "shutdown")}
    registry = AgentRegistry()
    for hook, script in scripts.items():
        registry.register(scripted(script), hook, "Fails there")
    async with open_office(db, scope, registry=registry) as office:
        await asyncio.gather(*(fails_and_recovers(office, hook, script, what) for hook, script in scripts.items()))


async def fails_and_recovers(office: Office, hook: str, script: Script, what: str) -> None:
    starts = hook in ("initialize", "activate")
    made = await office.make(hook, activate=not starts)
    script.does[hook] = what
    code, answer = await office.verb(made, "activate" if starts else hook)
    script.released.set()
    assert (code, answer["code"], answer["agent_id"]) == (502, "hook_failed", made["id"])
    shown = await office.get(f"{AGENTS}/{made['id']}/status")
    reason = {"raise": f"RuntimeError: no {hook} today", "exit": "SystemExit: 3"}.get(what, "took longer than 0.5 s")
    assert (shown["status"], shown["last_error"]) == ("error", f"{hook}: {reason}")
    assert (await told(office, made, "agent_status_changed"))[-1]["error"] == shown["last_error"]
    script.does.clear()
    assert (await office.verb(made, "activate"))[1]["status"] == "active"
    assert (await office.get(f"{AGENTS}/{made['id']}/status"))["last_error"] is None


async def test_who_is_said_to_be_broken_is_shut_down(office: Office, script: Script) -> None:
    made = await office.make("scripted")
    code, answer = await office.patch(made, status="error")
    assert (code, answer["status"]) == (200, "error")
    assert office.lifecycle.residents.ids() == frozenset()
    assert (await office.verb(made, "activate"))[1]["status"] == "active"
    assert script.called == ["initialize", "activate", "shutdown", "initialize", "activate"]


async def test_a_state_that_is_no_json_is_an_error(office: Office, script: Script) -> None:
    made = await office.make("scripted")
    live = office.lifecycle.residents.find(str(made["id"]))
    assert live is not None
    live.state["when"] = {1, 2}  # type: ignore[assignment]
    code, answer = await office.verb(made, "deactivate")
    assert (code, answer["code"]) == (502, "hook_failed")
    kept = await office.get(f"{AGENTS}/{made['id']}")
    assert (kept["status"], kept["state"]) == ("error", {"initialized": True})


async def test_one_that_cannot_start_is_made_with_its_error(office: Office, script: Script) -> None:
    script.does["initialize"] = "raise"
    answer = await office.make("scripted", name="Unlucky")
    assert (answer["status"], answer["code"]) == (502, "hook_failed")
    made = await office.get(f"{AGENTS}/unlucky")
    assert (made["id"], made["status"]) == (answer["agent_id"], "error")


async def test_verbs_of_one_agent_wait_for_each_other(office: Office, script: Script) -> None:
    made = await office.make("scripted", activate=False)
    script.does["initialize"] = "hang"
    first = asyncio.ensure_future(office.verb(made, "activate"))
    await script.entered.wait()
    assert await office.status(made) == "initializing"
    second = asyncio.ensure_future(office.verb(made, "activate"))
    script.released.set()
    assert [(await one)[1]["status"] for one in (first, second)] == ["active", "active"]
    assert script.called == ["initialize", "activate"]


async def test_a_verb_goes_on_when_its_caller_has_gone(office: Office, script: Script) -> None:
    made = await office.make("scripted", activate=False)
    script.does["initialize"] = "hang"
    calling = asyncio.ensure_future(office.verb(made, "activate"))
    await script.entered.wait()
    calling.cancel()
    await asyncio.wait({calling})
    script.released.set()
    assert (await office.verb(made, "activate"))[1]["status"] == "active"
    assert script.called == ["initialize", "activate"]


async def test_name_config_and_status_change_together_or_not_at_all(office: Office, script: Script) -> None:
    made = await office.make("scripted", config={"temperature": 0.5})
    code, answer = await office.patch(made, name="New", config={"depth": 5, "temperature": None}, status="idle")
    assert (code, answer["name"], answer["slug"]) == (200, "New", made["slug"])
    assert (answer["config"], answer["status"]) == ({"depth": 5}, "idle")
    live = office.lifecycle.residents.find(str(made["id"]))
    assert live is not None
    assert (live.name, live.config) == ("New", {"depth": 5})

    code, answer = await office.patch(made, name="Other", config={"depth": 0}, status="active")
    assert (code, answer["code"]) == (422, "agent_config_invalid")
    errors = answer["errors"]
    assert isinstance(errors, list)
    assert [error["loc"] for error in errors if isinstance(error, dict)] == [["body", "config", "depth"]]
    code, answer = await office.patch(made, name="Other", status="busy")
    assert (code, answer["code"]) == (409, "illegal_agent_status")
    code, answer = await office.patch(made, config={"model": "nobody:x"})
    assert (code, answer["code"]) == (422, "unknown_model")
    wrongs: list[JsonObject] = [{"colour": "red"}, {"status": "asleep"}, {"name": ""}, {"config": []}]
    for wrong in wrongs:
        assert (await office.client.patch(f"{AGENTS}/{made['id']}", json=wrong)).status_code == 422
    now_is = await office.get(f"{AGENTS}/{made['id']}")
    assert (now_is["name"], now_is["config"], now_is["status"]) == ("New", {"depth": 5}, "idle")
    assert script.called == ["initialize", "activate", "deactivate"]
    assert (await office.patch(made))[1] == now_is
    changes = [event["change"] for event in await told(office, made, "resource_changed")]
    assert changes == ["created", "updated", "updated"], "once for the state that its hooks have left"


def take_part(tx: Tx, scope: Scope, agent: JsonObject, status: str) -> str:
    """A run of the agent's, as far as agents look at it."""
    columns = Run.__table__.columns
    zeros = dict.fromkeys(("version", "priority", "epoch", "journal_seq", "event_seq"), 0)
    more = dict.fromkeys(("input_tokens", "output_tokens", "model_calls", "round_count"), 0)
    flags = dict.fromkeys(("is_resumed", "is_pausing", "is_budgeted", "holds_slot"), False)
    run_id, at = new_id(), now()
    row: dict[str, object] = {**dict.fromkeys(columns.keys()), **zeros, **more, **flags}
    row |= {"id": run_id, "workspace_id": scope.workspace_id, "project_id": scope.project_id, "kind": "reply"}
    row |= {"root_run_id": run_id, "title": "t", "input": {}, "meta_data": {}, "status": status}
    tx.write(sa.insert(Run), {**row, "created_at": at, "updated_at": at})
    tx.write(sa.insert(RunAgent), {"run_id": run_id, "agent_id": agent["id"], "role": "agent"})
    if status == "running":
        put(tx, agent, running_runs=1)
    return run_id


async def test_who_works_is_not_deleted_and_says_in_what(office: Office) -> None:
    made = await office.hire()
    for status in ("pending", "paused", "awaiting_approval", "running"):
        run_id = await office.db.write(take_part, office.scope, made, status)
        answer = await office.client.delete(f"{AGENTS}/{made['id']}")
        assert (answer.status_code, answer.json()["code"], answer.json()["run_id"]) == (409, "agent_in_run", run_id)
        if status != "running":
            await office.db.write(end, run_id)
    (listed,) = (await office.client.get(AGENTS)).json()["agents"]
    assert (listed["status"], listed["current_run_id"]) == ("busy", run_id)
    assert (await office.get(f"{AGENTS}/{made['id']}/status"))["current_run_id"] == run_id
    assert (await office.get(f"{AGENTS}?status=busy"))["total"] == 1
    assert (await office.verb(made, "deactivate"))[1]["status"] == "busy", "busy is laid over idle as well"
    assert (await office.patch(made, status="busy"))[0] == 200, "it is shown, so nothing changes"


def end(tx: Tx, run_id: str) -> None:
    tx.write(sa.update(Run).where(Run.id == run_id).values(status="completed"))


async def test_delete_takes_conversations_along_and_says_so(office: Office, script: Script) -> None:
    made = await office.make("scripted")
    await office.client.post(f"{AGENTS}/{made['id']}/message", json={"message": "Hello"})
    assert (await office.get("/api/conversations"))["total"] == 1
    answer = await office.client.delete(f"{AGENTS}/{made['slug']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await office.get("/api/conversations"))["total"] == 0
    assert (await office.client.delete(f"{AGENTS}/{made['id']}")).status_code == 404
    last = (await told(office, made))[-1]
    assert (last["type"], last["resource"], last["change"], last["view"]) == (
        *("resource_changed", "agent"),
        *("deleted", None),
    )
    await upkeep.beat(office.lifecycle)
    assert script.called[-1] == "shutdown"
    assert office.lifecycle.residents.ids() == frozenset()


async def test_core_agents_stay(office: Office) -> None:
    made = await office.hire()
    await office.db.write(put, made, number=1)
    answer = await office.client.delete(f"{AGENTS}/{made['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "core_agent")


async def test_an_agent_ends_with_its_time(office: Office) -> None:
    made = [await office.hire(name) for name in ("Over", "Later", "Working")]
    for agent, seconds in zip(made, (-1, 60, -1), strict=True):
        await office.db.write(put, agent, ttl_at=now() + timedelta(seconds=seconds))
    run_id = await office.db.write(take_part, office.scope, made[2], "running")
    await upkeep.expire(office.lifecycle)
    left = (await office.client.get(AGENTS)).json()["agents"]
    assert [agent["name"] for agent in left] == ["Later", "Working"]
    await office.db.write(end, run_id)
    await upkeep.expire(office.lifecycle)
    assert (await office.get(AGENTS))["total"] == 1


def silence(tx: Tx, host_id: str, seconds: float) -> None:
    """The process was last seen so long ago."""
    seen_at = now() - timedelta(seconds=seconds)
    tx.write(sa.update(Host).where(Host.id == host_id).values(seen_at=seen_at))


async def test_a_silent_process_shows_its_agents_offline(office: Office, script: Script) -> None:
    hosted, other = await office.make("scripted"), await office.hire()
    host_id = office.lifecycle.host.id
    await office.db.write(silence, host_id, 44)
    assert await office.status(hosted) == "active"
    await office.db.write(silence, host_id, 46)
    assert [await office.status(agent) for agent in (hosted, other)] == ["offline", "active"]
    assert (await office.get(f"{AGENTS}?status=offline"))["total"] == 1
    assert (await office.get(f"{AGENTS}?status=active"))["total"] == 1
    answer = await office.client.post(f"{AGENTS}/{hosted['id']}/message", json={"message": "Hello"})
    assert (answer.status_code, answer.json()["code"]) == (409, "agent_offline")
    assert await office.db.write(hosting.give_up, host_id, is_silent=True)
    assert not await office.db.write(hosting.give_up, host_id, is_silent=True), "it is said once"
    assert (await flips(office, hosted))[-1] == ("active", "offline")
    seen = await office.get(f"{AGENTS}/{hosted['id']}")
    assert (seen["status"], seen["last_heartbeat"] is not None) == ("offline", True)
    await upkeep.beat(office.lifecycle)
    assert await office.status(hosted) == "active", "it was only asleep"
    assert (await flips(office, hosted))[-1] == ("offline", "active")
    assert script.called == ["initialize", "activate"]


async def test_heartbeats_are_one_row_for_all_agents(office: Office) -> None:
    made = [await office.make("scripted", name=str(number)) for number in range(3)]
    before = {str((await office.get(f"{AGENTS}/{agent['id']}"))["last_heartbeat"]) for agent in made}
    await upkeep.beat(office.lifecycle)
    after = {str((await office.get(f"{AGENTS}/{agent['id']}"))["last_heartbeat"]) for agent in made}
    assert (len(before), len(after)) == (1, 1)
    assert before < after or before.pop() < after.pop()
    assert (await office.hire())["last_heartbeat"] is None


async def test_who_is_taken_over_is_dismissed_where_it_lived(office: Office, db: Database, script: Script) -> None:
    made, heir = await office.make("scripted"), Script()
    async with open_office(db, office.scope, registry=registry_of(heir)) as other:
        assert (await other.verb(made, "deactivate"))[1]["status"] == "idle"
        assert (await other.verb(made, "activate"))[1]["status"] == "active"
        assert heir.called == ["initialize", "activate"]
        await upkeep.beat(office.lifecycle)
        assert script.called == ["initialize", "activate", "shutdown"]
        await upkeep.beat(other.lifecycle)
        assert heir.called == ["initialize", "activate"]
        assert await office.status(made) == "active"
    assert await office.status(made) == "offline", "its process has ended in good order"
    assert heir.called[-1] == "shutdown"


@pytest.mark.parametrize("stored", list(AgentStatus))
@pytest.mark.parametrize("running", [0, 2])
async def test_the_database_filters_by_the_status_that_is_shown(office: Office, stored: str, running: int) -> None:
    made = await office.make("scripted")
    for is_gone in (False, True):
        await office.db.write(silence, office.lifecycle.host.id, 100 if is_gone else 0)
        await office.db.write(put, made, status=str(stored), running_runs=running)
        shown = shown_status(stored, running, is_gone=is_gone)
        assert await office.status(made) == shown
        totals = {status: (await office.get(f"{AGENTS}?status={status}"))["total"] for status in AgentStatus}
        assert totals == {status: int(status == shown) for status in AgentStatus}
