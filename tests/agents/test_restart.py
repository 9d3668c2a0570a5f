"""What a new process makes of the agents that a dead one has left: looked for across all workspaces."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from folkmoot.agents import hosting, upkeep
from folkmoot.db.database import Database
from folkmoot.kernel.scope import Scope
from tests.agents.classes import Script, registry_of
from tests.agents.office import Office, open_office
from tests.agents.test_lifecycle import AGENTS, flips, put


@pytest.fixture
def database_url(own_database_url: str) -> str:
    return own_database_url


@pytest.fixture
async def office(db: Database, scope: Scope) -> AsyncIterator[Office]:
    async with open_office(db, scope, registry=registry_of(Script())) as office:
        yield office


async def gone(hosts: object) -> set[str]:
    assert isinstance(hosts, set)
    return set(hosts)


@pytest.mark.parametrize(
    ("stored", "shown", "called"),
    [
        ("initializing", "error", []),
        ("idle", "idle", []),
        ("active", "active", ["initialize", "activate"]),
        ("busy", "active", ["initialize", "activate"]),
        ("error", "error", []),
        ("offline", "offline", []),
    ],
)
async def test_a_restart_makes_every_status_true(
    office: Office, db: Database, stored: str, shown: str, called: list[str]
) -> None:
    """As after kill -9: the row says what the dead process wrote last."""
    made = await office.make("scripted")
    other = Script()
    await db.write(put, made, status=stored)
    async with open_office(db, office.scope, registry=registry_of(other)) as restarted:
        await asyncio.gather(*await upkeep.recover(restarted.lifecycle, gone))
        assert await restarted.status(made) == shown
        assert other.called == called
        if stored == "initializing":
            now_is = await restarted.get(f"{AGENTS}/{made['id']}")
            assert now_is["last_error"] == hosting.INTERRUPTED
        assert (await restarted.verb(made, "activate"))[1]["status"] == "active"


async def test_a_restart_without_the_class_shows_offline(office: Office, db: Database) -> None:
    made = await office.make("scripted")
    async with open_office(db, office.scope) as restarted:
        await upkeep.recover(restarted.lifecycle, gone)
        assert await restarted.status(made) == "offline"
        code, answer = await restarted.verb(made, "activate")
        assert (code, answer["code"], answer["hint"]) == (
            *(503, "agent_class_missing"),
            "Name its module in AGENT_REGISTRY_MODULES",
        )
        assert (await restarted.verb(made, "shutdown"))[0] == 200
        assert "scripted" not in str(await restarted.get(f"{AGENTS}/definitions"))


async def test_an_agent_that_works_elsewhere_is_left_alone(office: Office, db: Database) -> None:
    made, other = await office.make("scripted"), Script()

    async def none_is_gone(_: object) -> set[str]:
        return set()

    async with open_office(db, office.scope, registry=registry_of(other)) as second:
        await upkeep.recover(second.lifecycle, none_is_gone)
        assert await second.status(made) == "active"
    assert other.called == []


async def test_a_class_takes_over_the_agents_of_the_definition_it_replaces(office: Office, db: Database) -> None:
    made, script = await office.make("reviewer"), Script()
    async with open_office(db, office.scope, registry=registry_of(script, "reviewer")) as second:
        await asyncio.gather(*await upkeep.recover(second.lifecycle, gone))
        assert await second.status(made) == "active"
        assert script.called == ["initialize", "activate"]
        assert (await flips(second, made))[-1] == ("initializing", "active")
