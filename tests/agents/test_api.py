"""Agents over HTTP: numbers, slugs, configuration, caps, and what is wrong as a problem document."""

import pytest

from folkmoot.agents.definitions import ensure_definitions
from folkmoot.agents.queries import list_definitions
from folkmoot.agents.service import AgentSettings
from folkmoot.db.database import Database
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from tests.agents.office import Office, open_office
from tests.databases import new_scope

AGENTS = "/api/agents"


def in_a_list(agent: JsonObject) -> JsonObject:
    """Lists warn of nothing."""
    return {name: value for name, value in agent.items() if name != "warnings"}


async def test_the_built_in_definitions_are_there_once(office: Office) -> None:
    await office.db.write(ensure_definitions)
    page = await office.get(f"{AGENTS}/definitions")
    found = page["definitions"]
    assert isinstance(found, list)
    definitions = [definition for definition in found if isinstance(definition, dict)]
    assert [definition["slug"] for definition in definitions] == ["assistant", "builder", "reviewer", "test"]
    assert page["total"] == 4
    for definition in definitions:
        assert definition.keys() == {
            *("id", "name", "slug", "agent_type", "description", "capabilities", "config_schema", "metadata")
        }
        assert definition["agent_type"] == definition["slug"]


@pytest.mark.parametrize("slug", ["reviewer", "builder", "test"])
async def test_a_built_in_agent_knows_its_job_at_once(office: Office, slug: str) -> None:
    made = await office.make(slug)
    config = made["config"]
    assert isinstance(config, dict)
    assert len(str(config["instructions"])) > 300
    assert (made["status"], made["slug"], made["agent_type"]) == ("active", slug, slug)
    answer = await office.client.post(f"{AGENTS}/{slug}/message", json={"message": "Look at this: 1 + 1 = 3"})
    assert answer.status_code == 200
    other = await office.make(slug, config={"instructions": "Only say yes."})
    assert other["config"] == {"instructions": "Only say yes."}


async def test_an_agent_is_reached_by_id_number_and_slug(office: Office) -> None:
    made = await office.hire("Ada Lovelace", instructions="Be brief.")
    assert (made["number"], made["slug"], made["status"]) == (4, "ada-lovelace", "active")
    assert made["type"] == made["agent_type"] == "assistant"
    for ref in (made["id"], "4", "ada-lovelace", "ADA-lovelace", str(made["id"]).upper()):
        assert await office.get(f"{AGENTS}/{ref}") == made
    page = await office.get(AGENTS)
    assert (page["agents"], page["total"]) == ([in_a_list(made)], 1)


async def test_numbers_are_given_once_and_slugs_do_not_collide(office: Office) -> None:
    made = [await office.hire(name) for name in ("Bob", "Bob", "42", "Driver", "new", "日本", str(new_id()))]
    assert [agent["number"] for agent in made] == [4, 5, 6, 7, 8, 9, 10]
    slugs = [str(agent["slug"]) for agent in made]
    assert slugs[:6] == ["bob", "bob-2", "agent-42", "driver-2", "new-2", "agent"]
    assert slugs[6].startswith("agent-")
    listed = (await office.get(f"{AGENTS}?limit=3&skip=2"))["agents"]
    assert isinstance(listed, list)
    assert listed == [in_a_list(agent) for agent in made[2:5]]


async def test_created_agents_are_in_the_event_log(office: Office) -> None:
    made = await office.hire()
    status = await office.get(f"{AGENTS}/{made['id']}/status")
    assert status == {
        "agent_id": made["id"],
        "agent_name": "Ada",
        "agent_type": "assistant",
        "status": "active",
        "capabilities": ["chat"],
        "task_count": 0,
        "success_count": 0,
        "error_count": 0,
        "success_rate": 0.0,
        "avg_task_duration": 0.0,
        "created_at": made["created_at"],
        "last_active_at": None,
        "current_run_id": None,
        "last_error": None,
    }


@pytest.mark.parametrize("ref", ["1", "3", "driver", "Creator", "generator"])
async def test_core_agents_ask_for_init(office: Office, ref: str) -> None:
    for path in (f"{AGENTS}/{ref}", f"{AGENTS}/{ref}/status", f"{AGENTS}/{ref}/messages"):
        answer = await office.client.get(path)
        assert answer.status_code == 503
        assert answer.json()["hint"] == "Call /api/init first"
        assert answer.json()["error"]


@pytest.mark.parametrize("ref", ["0", "4", "99999999999999999999", "nobody", "Ünknown", "a b", "%27"])
async def test_an_unknown_agent_is_404(office: Office, ref: str) -> None:
    answer = await office.client.get(f"{AGENTS}/{ref}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Agent not found")


async def test_another_workspaces_agent_is_unknown(office: Office, db: Database) -> None:
    made = await office.hire()
    async with open_office(db, await db.write(new_scope)) as other:
        answer = await other.client.get(f"{AGENTS}/{made['id']}")
        assert answer.status_code == 404
        assert (await other.get(AGENTS))["total"] == 0
        assert (await other.hire())["number"] == 4


WRONG_CONFIGS: list[tuple[JsonObject, list[Json]]] = [
    ({"history_limit": "many"}, ["body", "config", "history_limit"]),
    ({"max_tokens": 0}, ["body", "config", "max_tokens"]),
    ({"temperature": 3}, ["body", "config", "temperature"]),
    ({"tools": ["a", 1]}, ["body", "config", "tools", 1]),
    ({"colour": "red"}, ["body", "config", "colour"]),
    ({"output_schema": "text"}, ["body", "config", "output_schema"]),
    ({"instructions": None}, ["body", "config", "instructions"]),
]


async def test_config_is_checked_with_its_path(office: Office) -> None:
    for config, path in WRONG_CONFIGS:
        body: JsonObject = {"definition_slug": "assistant", "config": config}
        answer = await office.client.post(AGENTS, json=body)
        assert answer.status_code == 422
        assert [error["loc"] for error in answer.json()["errors"]] == [path]
        assert answer.json()["code"] == "agent_config_invalid"


WRONG_AGENTS: list[tuple[JsonObject, int, str]] = [
    ({}, 422, "invalid"),
    ({"definition_slug": "assistant", "definition_id": "x"}, 422, "invalid"),
    ({"definition_slug": "nobody"}, 404, "no_such_definition"),
    ({"definition_id": "nobody"}, 404, "no_such_definition"),
    ({"definition_slug": "assistant", "project_id": "nobody"}, 404, "no_such_project"),
    ({"definition_slug": "assistant", "config": {"model": "nobody:x"}}, 422, "unknown_model"),
    ({"definition_slug": "assistant", "name": ""}, 422, "invalid"),
    ({"definition_slug": "assistant", "colour": "red"}, 422, "invalid"),
]


async def test_a_wrong_new_agent_is_a_problem(office: Office) -> None:
    for body, status, code in WRONG_AGENTS:
        answer = await office.client.post(AGENTS, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert (await office.get(AGENTS))["total"] == 0


async def test_a_workspace_has_a_cap(db: Database, scope: Scope) -> None:
    async with open_office(db, scope, settings=AgentSettings(most_online=1)) as office:
        await office.hire()
        answer = await office.client.post(AGENTS, json={"definition_slug": "assistant"})
        assert (answer.status_code, answer.json()["code"]) == (409, "too_many_agents")
        assert answer.json()["limit"] == 1


async def test_who_is_offline_makes_room(db: Database, scope: Scope) -> None:
    async with open_office(db, scope, settings=AgentSettings(most_online=1)) as office:
        first = await office.hire("First")
        assert await office.verb(first, "shutdown") == (200, await office.get(f"{AGENTS}/4"))
        second = await office.hire("Second")
        for attempt in (await office.verb(first, "activate"), await office.patch(first, status="idle")):
            assert (attempt[0], attempt[1]["code"]) == (409, "too_many_agents")
        assert (await office.verb(second, "deactivate"))[0] == 200
        assert (await office.verb(first, "activate"))[0] == 409
        assert (await office.client.delete(f"{AGENTS}/{second['id']}")).status_code == 204
        assert (await office.verb(first, "activate"))[0] == 200


async def test_a_number_is_given_once_for_ever(office: Office) -> None:
    made = [await office.hire() for _ in range(3)]
    for agent in made[1:]:
        assert (await office.client.delete(f"{AGENTS}/{agent['number']}")).status_code == 204
        assert (await office.client.get(f"{AGENTS}/{agent['number']}")).status_code == 404
    assert (await office.hire())["number"] == 7


async def test_agents_switched_off_say_so(db: Database, scope: Scope) -> None:
    async with open_office(db, scope, settings=AgentSettings(is_enabled=False)) as office:
        paths = (AGENTS, f"{AGENTS}/definitions", f"{AGENTS}/4", f"{AGENTS}/4/messages")
        verbs = [("POST", f"{AGENTS}/4/{verb}") for verb in ("activate", "deactivate", "shutdown")]
        for method, path in (*(("GET", path) for path in paths), *verbs, ("DELETE", paths[2]), ("PATCH", paths[2])):
            answer = await office.client.request(method, path, json={})
            assert (answer.status_code, answer.json()["hint"]) == (503, "Set AGENTS_ENABLED=true")


async def test_lists_are_filtered(office: Office) -> None:
    await office.hire("One")
    idle = await office.client.post(AGENTS, json={"definition_slug": "assistant", "name": "Two", "activate": False})
    assert (await office.get(f"{AGENTS}?status=idle"))["agents"] == [in_a_list(idle.json())]
    assert (await office.get(f"{AGENTS}?status=busy"))["total"] == 0
    assert (await office.get(f"{AGENTS}?type=assistant"))["total"] == 2
    assert (await office.get(f"{AGENTS}?type=driver"))["total"] == 0
    assert (await office.get(f"{AGENTS}?project_id={office.scope.project_id}"))["total"] == 2
    assert (await office.client.get(f"{AGENTS}?status=asleep")).status_code == 422


async def test_definitions_of_others_are_not_shown(office: Office, scope: Scope) -> None:
    rows, total = await office.db.read(list_definitions, scope, 0, 50)
    assert (len(rows), total) == (4, 4)
