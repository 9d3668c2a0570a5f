"""Classes of agents: BaseAgent, the registry, where classes come from, and definitions that follow them."""

import logging
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import sqlalchemy as sa

from folkmoot.agents import loading
from folkmoot.agents.base import BaseAgent, ConfigInvalid
from folkmoot.agents.definitions import defaults_of, ensure_definitions
from folkmoot.agents.loading import AgentModuleFailed, load_classes
from folkmoot.agents.queries import NoSuchAgent, definitions_from_code
from folkmoot.agents.registry import AgentRegistry, NotAnAgentClass, RegisteredTwice, UnusableSlug
from folkmoot.agents.rules import AgentStatus, IllegalAgentStatus
from folkmoot.agents.tables import AgentDefinition
from folkmoot.db.database import Database
from folkmoot.db.sessions import Sessions
from folkmoot.db.tx import Tx
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.json_schema import errors_of
from folkmoot.kernel.scope import Scope
from tests.agents.classes import Script, registry_of
from tests.agents.office import Office, open_office
from tests.serving import client_of, running, settings_for

SCHEMA: JsonObject = {"properties": {"language": {"type": "string"}, "max_tokens": {"maximum": 10}}}


class BuilderAgent(BaseAgent):
    """Builds code.

    At length.
    """

    capabilities = ("build", "test")
    config_schema = SCHEMA


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Definitions from code are those of all workspaces."""
    return own_database_url


def of_slug(definitions: list[AgentDefinition], slug: str) -> AgentDefinition:
    return next(definition for definition in definitions if definition.slug == slug)


async def test_an_agent_by_itself() -> None:
    agent = BuilderAgent("Bob", {"language": "Python"})
    steps = (agent.initialize, agent.activate, agent.deactivate, agent.shutdown)
    statuses = []
    for step in steps:
        await step()
        statuses.append(agent.status)
    assert statuses == ["idle", "active", "idle", "offline"]
    agent.add_capability("review", "build")
    assert agent.has_capability("review")
    assert not agent.has_capability("fly")
    assert agent.update_config({"language": "Rust"}, depth=2) == {"language": "Rust", "depth": 2}
    with pytest.raises(ConfigInvalid):
        agent.update_config(language=3)
    assert agent.to_dict() == {
        "id": "",
        "name": "Bob",
        "slug": "",
        "agent_type": "",
        "status": "offline",
        "capabilities": ["build", "test", "review"],
        "config": {"language": "Rust", "depth": 2},
        "metadata": {},
    }
    assert BuilderAgent.capabilities == ("build", "test"), "one agent's are not its class's"


def test_a_class_is_registered_once_under_a_usable_slug() -> None:
    registry = AgentRegistry()
    registry.register(BuilderAgent, "my_builder", "Builds")
    registry.register(BuilderAgent, "my_builder", "Builds")
    assert (registry.get_class("my_builder"), registry.get_class("other")) == (BuilderAgent, None)
    assert registry.slugs() == ["my_builder"]
    with pytest.raises(RegisteredTwice):
        registry.register(BaseAgent, "my_builder")
    for slug in ("", "42", "new", "task", "Über", "a" * 64, new_id(), "a b"):
        with pytest.raises(UnusableSlug):
            registry.register(BuilderAgent, slug)
    with pytest.raises(NotAnAgentClass):
        registry.register(dict, "dict")  # type: ignore[arg-type]


async def test_the_methods_of_the_seed(db: Database, scope: Scope) -> None:
    registry, sessions = AgentRegistry(), Sessions(db)
    registry.register(BuilderAgent, "my_builder", "Builds code")
    async with open_office(db, scope, registry=registry) as office, sessions() as session:
        definitions = await registry.load_definitions(session)
        assert {"assistant", "my_builder"} <= {definition.slug for definition in definitions}
        made = await office.make("my_builder", activate=False)
        (instance,) = await registry.list_instances(session, scope.workspace_id)
        agent = await registry.spawn_instance(of_slug(definitions, "my_builder"), instance)
        assert isinstance(agent, BuilderAgent)
        shown = {name: made[name] for name in ("id", "name", "slug", "agent_type", "status", "capabilities", "config")}
        assert agent.to_dict() == {**shown, "metadata": {}}

        changed = await registry.update_instance_status(session, instance.id, AgentStatus.ACTIVE)
        await session.commit()
        assert (changed.status, await office.status(made)) == ("active", "active")
        broken = await registry.update_instance_status(session, instance.id, AgentStatus.ERROR, "out of bricks")
        assert (broken.status, broken.last_error) == ("error", "out of bricks")
        with pytest.raises(IllegalAgentStatus):
            await registry.update_instance_status(session, instance.id, AgentStatus.BUSY)
        for wrong in ({"instance_id": new_id()}, {"instance_id": instance.id, "workspace_id": new_id()}):
            with pytest.raises(NoSuchAgent):
                await registry.update_instance_status(session, status=AgentStatus.IDLE, **wrong)

        here = await registry.list_instances(session, scope.workspace_id, scope.project_id, AgentStatus.ERROR)
        assert [row.id for row in here] == [instance.id]
        assert await registry.list_instances(session, scope.workspace_id, status=AgentStatus.IDLE) == []
        assert await registry.list_instances(session, scope.workspace_id, new_id()) == []
        assert await registry.list_instances(session, new_id()) == []


async def test_an_agent_without_a_class_is_a_plain_one(office: Office) -> None:
    await office.hire()
    registry = AgentRegistry()
    async with Sessions(office.db)() as session:
        definitions = await registry.load_definitions(session)
        (instance,) = await registry.list_instances(session, office.scope.workspace_id)
    agent = await registry.spawn_instance(of_slug(definitions, "assistant"), instance)
    assert (type(agent), agent.agent_type, agent.capabilities) == (BaseAgent, "assistant", ["chat"])


async def stored(db: Database, registry: AgentRegistry) -> dict[str, AgentDefinition]:
    """The definitions after a start with these classes."""
    await db.write(ensure_definitions, registry.offers())
    return {definition.slug: definition for definition in await db.read(definitions_from_code)}


async def test_definitions_follow_their_classes(db: Database) -> None:
    registry = AgentRegistry()
    registry.register(BuilderAgent, "my_builder")
    first = (await stored(db, registry))["my_builder"]
    assert (first.name, first.agent_type, first.description) == ("Builder Agent", "my_builder", "Builds code.")
    assert (first.capabilities, first.is_enabled, first.is_hosted) == (["build", "test"], True, True)
    gone = (await stored(db, AgentRegistry()))["my_builder"]
    assert (gone.id, gone.is_enabled) == (first.id, False)
    back = (await stored(db, registry))["my_builder"]
    assert (back.id, back.is_enabled, back.class_gone_at) == (first.id, True, None)

    def disable(tx: Tx) -> None:
        tx.write(sa.update(AgentDefinition).where(AgentDefinition.slug == "my_builder").values(is_enabled=False))

    await db.write(disable)
    assert not (await stored(db, registry))["my_builder"].is_enabled, "an operator's word counts"
    await stored(db, AgentRegistry())
    assert not (await stored(db, registry))["my_builder"].is_enabled


async def test_a_class_comes_before_a_built_in_definition(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    registry = AgentRegistry()
    with caplog.at_level(logging.WARNING):
        registry.register(BuilderAgent, "builder", "Ours")
    assert "replaces the built-in definition builder" in caplog.text
    before = (await stored(db, AgentRegistry()))["builder"]
    ours = (await stored(db, registry))["builder"]
    assert (ours.id, ours.description, ours.is_hosted) == (before.id, "Ours", True)
    after = (await stored(db, AgentRegistry()))["builder"]
    assert (after.description, after.is_hosted, after.is_enabled) == (before.description, False, True)


async def test_a_config_schema_is_added_to_what_every_agent_understands(db: Database) -> None:
    registry = registry_of(Script())
    registry.register(BuilderAgent, "my_builder")
    found = await stored(db, registry)
    schema = found["my_builder"].config_schema
    assert errors_of(schema, {"language": "Python", "instructions": "Build.", "max_tokens": 10}) == []
    wrong: JsonObject = {"language": 3, "max_tokens": 11, "colour": "red", "temperature": 9}
    assert {str(error["loc"]) for error in errors_of(schema, wrong)} == {
        *("['language']", "['max_tokens']", "['colour']", "['temperature']")
    }
    assert errors_of(schema, {"max_tokens": 0}), "what every agent asks for stays"
    assert defaults_of(found["my_builder"]) == {}
    assert defaults_of(found["scripted"]) == {"depth": 3}
    assert errors_of(found["scripted"].config_schema, {})[0]["loc"] == ["depth"]


MODULE = """
from folkmoot.agents.base import BaseAgent


class One(BaseAgent):
    pass


def {loader}(registry):
    registry.register(One, "{slug}", "From a module")
"""


def module(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


async def test_modules_are_loaded_by_either_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [
        module(tmp_path, "seed_one", MODULE.format(loader="load_agents", slug="one"), monkeypatch),
        module(tmp_path, "seed_two", MODULE.format(loader="register_agents", slug="two"), monkeypatch),
        module(
            tmp_path,
            "seed_three",
            MODULE.format(loader="load_agents", slug="three").replace("def", "async def"),
            monkeypatch,
        ),
    ]
    registry = AgentRegistry()
    await load_classes(registry, names)
    assert registry.slugs() == ["one", "three", "two"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "ModuleNotFoundError"),
        ("import nothing_like_this", "ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(1)", "SystemExit"),
        ("x = 1", "it has none of load_agents, register_agents"),
        ("def load_agents(registry): registry.register(dict, 'a')", "NotAnAgentClass"),
    ],
)
async def test_a_module_that_fails_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, why: str
) -> None:
    if text is not None:
        module(tmp_path, "seed_broken", text, monkeypatch)
    with pytest.raises(AgentModuleFailed) as raised:
        await load_classes(AgentRegistry(), ["seed_broken"])
    assert "AGENT_REGISTRY_MODULES: seed_broken cannot be loaded" in raised.value.detail
    assert why in raised.value.detail


async def test_a_start_loads_what_the_settings_name(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = module(tmp_path, "seed_start", MODULE.format(loader="load_agents", slug="started"), monkeypatch)
    settings = settings_for(database_url, tmp_path)
    async with running(settings.model_copy(update={"agent_registry_modules": [name]})) as app, client_of(app) as client:
        assert app.state.agent_registry.slugs() == ["started"]
        answer = await client.post("/api/agents", json={"definition_slug": "started"})
        assert (answer.status_code, answer.json()["status"]) == (201, "active")
    with pytest.raises(AgentModuleFailed, match="nowhere"):
        async with running(settings.model_copy(update={"agent_registry_modules": ["nowhere"]})):
            pass
    off = settings.model_copy(update={"agent_registry_modules": ["nowhere"], "agents_enabled": False})
    async with running(off) as app, client_of(app) as client:
        answer = await client.get("/api/agents")
        assert (answer.status_code, answer.json()["hint"]) == (503, "Set AGENTS_ENABLED=true")


async def test_installed_packages_bring_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry points of this environment are what an installed package would have put there."""
    here = "tests.agents.test_registry"
    monkeypatch.setattr(
        loading,
        "entry_points",
        lambda group: [EntryPoint("packed", f"{here}:BuilderAgent", group), EntryPoint("more", f"{here}:fill", group)],
    )
    registry = AgentRegistry()
    await load_classes(registry, [])
    assert registry.slugs() == ["filled", "packed"]


def fill(registry: AgentRegistry) -> None:
    registry.register(BuilderAgent, "filled")
