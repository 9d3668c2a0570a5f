"""A workspace's calls go out with its own key where it has one, and with nobody else's."""

from collections.abc import AsyncIterator

import pytest

from folkmoot.agents.calls import Asking, ask_for_turn
from folkmoot.db.database import Database
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.llm.faults import CredentialsRefused, KeyUnreadable, UnknownModel
from folkmoot.llm.gateway import Gateway, Request
from folkmoot.llm.messages import User
from folkmoot.llm.settings import LlmSettings
from folkmoot.teams.executor import TeamExecutor
from folkmoot.tools.registry import ToolRegistry
from tests.databases import new_scope
from tests.llm.support import FAST, KEY
from tests.providers.support import NEW, OLD, OWN, vault_of
from tests.stubs.openai_stub import OpenAIStub, Reply

HELLO = (User("Hello"),)


@pytest.fixture
async def stub() -> AsyncIterator[OpenAIStub]:
    async with OpenAIStub([Reply(text="Hello back.")]) as opened:
        yield opened


def bearers(stub: OpenAIStub) -> list[str]:
    return [headers.get("Authorization", "").removeprefix("Bearer ") for headers in stub.headers]


async def test_each_workspace_speaks_with_its_own_key(db: Database, scope: Scope, stub: OpenAIStub) -> None:
    other, vault = await db.write(new_scope), vault_of(db)
    gateway = Gateway(LlmSettings(openai_api_key=KEY, openai_base_url=stub.base_url, limits=FAST))
    gateway.key_ring = vault
    await vault.set(scope, "openai_api_key", OWN)
    for workspace_id in (scope.workspace_id, other.workspace_id, None, scope.workspace_id):
        await gateway.ask(Request(workspace_id=workspace_id, models=("openai:stub-1",), messages=HELLO))
    assert bearers(stub) == [OWN, KEY, KEY, OWN]
    await vault.set(scope, "openai_api_key", f"{OWN}-2")
    await gateway.ask(Request(workspace_id=scope.workspace_id, models=("openai:stub-1",), messages=HELLO))
    await vault.delete(scope, "openai_api_key")
    await gateway.ask(Request(workspace_id=scope.workspace_id, models=("openai:stub-1",), messages=HELLO))
    assert bearers(stub)[4:] == [f"{OWN}-2", KEY]
    await gateway.aclose()


async def test_a_turn_is_asked_with_its_workspaces_key(db: Database, scope: Scope, stub: OpenAIStub) -> None:
    gateway, vault = Gateway(LlmSettings(openai_base_url=stub.base_url, limits=FAST)), vault_of(db)
    gateway.key_ring = vault
    await vault.set(scope, "openai_api_key", OWN)
    asking = Asking(role="agent", workspace_id=scope.workspace_id, messages=HELLO, models=("openai:stub-1",))
    outcome = await ask_for_turn(gateway, ToolRegistry(()), asking)
    assert outcome.fault is None
    assert bearers(stub) == [OWN]
    assert OWN not in repr(outcome)
    await gateway.aclose()


def test_an_own_key_configures_its_provider_for_its_workspace() -> None:
    gateway = Gateway(LlmSettings())
    with pytest.raises(UnknownModel, match="not configured"):
        gateway.check(("openai:gpt-5.4-mini",))
    assert gateway.check(("openai:gpt-5.4-mini",), {"openai"}) == ("openai:gpt-5.4-mini",)
    assert gateway.check((), {"google"})[0].startswith("google:")
    assert gateway.check(()) == ("practice:practice",)
    with pytest.raises(UnknownModel, match=r"google is not configured\. Known here: openai:NAME"):
        gateway.check(("google:x",), {"openai"})
    named = Gateway(LlmSettings(default_model="ollama:qwen3"))
    assert named.check((), {"openai"}) == ("ollama:qwen3",)


async def test_an_own_key_that_is_refused_is_not_replaced_by_the_servers(db: Database, scope: Scope) -> None:
    async with OpenAIStub([Reply(status=401, text=f"Incorrect API key provided: {OWN}")]) as stub:
        gateway, vault = Gateway(LlmSettings(openai_api_key=KEY, openai_base_url=stub.base_url)), vault_of(db)
        gateway.key_ring = vault
        await vault.set(scope, "openai_api_key", OWN)
        with pytest.raises(CredentialsRefused, match=r"provided: \[hidden\]"):
            await gateway.ask(Request(workspace_id=scope.workspace_id, models=("openai:stub-1",), messages=HELLO))
        await gateway.aclose()
    assert bearers(stub) == [OWN]


async def test_a_team_may_be_given_the_models_of_its_workspaces_key(db: Database, scope: Scope) -> None:
    executor = TeamExecutor(db, Gateway(LlmSettings()), ToolRegistry(()))
    given: JsonObject = {
        "team": "mgx",
        "name": "Report",
        "description": "Write it",
        "models": ["openai:gpt-5.4-mini"],
        **{"max_rounds": 1, "max_revision_rounds": 0, "memory_size": 50},
    }
    with pytest.raises(UnknownModel, match="openai is not configured"):
        await db.read(executor.open, scope, given)
    await vault_of(db).set(scope, "openai_api_key", OWN)
    opened = await db.read(executor.open, scope, given)
    assert opened["models"] == ["openai:gpt-5.4-mini"]


async def test_a_key_that_cannot_be_read_is_not_replaced_by_the_servers(
    db: Database, scope: Scope, stub: OpenAIStub
) -> None:
    await vault_of(db, OLD).set(scope, "openai_api_key", OWN)
    gateway = Gateway(LlmSettings(openai_api_key=KEY, openai_base_url=stub.base_url, limits=FAST))
    gateway.key_ring = vault_of(db, NEW)
    request = Request(workspace_id=scope.workspace_id, models=("openai:stub-1",), messages=HELLO)
    with pytest.raises(KeyUnreadable, match="set again"):
        await gateway.ask(request)
    assert stub.headers == []
    answer = await gateway.ask(
        Request(workspace_id=scope.workspace_id, models=("openai:stub-1", "practice"), messages=HELLO)
    )
    assert answer.models == ("practice:practice",)
    await gateway.aclose()


async def test_keys_are_asked_for_once_a_second(db: Database, scope: Scope) -> None:
    vault, other = vault_of(db), vault_of(db)
    assert await vault.keys_of(scope.workspace_id) == {}
    await other.set(scope, "openai_api_key", OWN)
    first = await vault.keys_of(scope.workspace_id)
    assert first is await vault.keys_of(scope.workspace_id)
