"""SharedContextService beyond its examples: who owns a context, where it must be, and what it refuses."""

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot import ContextRollbackState, SharedContextService
from folkmoot.agents.queries import NoSuchAgent
from folkmoot.contexts.queries import NoSuchContext, NoSuchContextVersion
from folkmoot.contexts.service import ContextSettings, ContextTooLarge, UnknownVersion, VersionConflict
from folkmoot.db.sessions import Session
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.workspaces.queries import NoSuchProject
from tests.databases import new_scope

Service = SharedContextService


@pytest.fixture
def session(app: FastAPI) -> Session:
    return Session(app.state.runtime.db)


@pytest.fixture
async def here(session: Session) -> Scope:
    return await session.database.write(new_scope)


@pytest.fixture
async def agent_id(client: AsyncClient, here: Scope) -> str:
    answer = await client.post(
        "/api/agents",
        json={"definition_slug": "assistant"},
        headers={"X-Workspace-Id": here.workspace_id},
    )
    return str(answer.json()["id"])


async def test_a_project_shares_what_no_agent_owns(session: Session, here: Scope, agent_id: str) -> None:
    service = Service()
    place = (here.workspace_id, here.project_id)
    shared = await service.get_or_create_context(session, None, "plan", *place)
    own = await service.get_or_create_context(session, agent_id, "plan", *place)
    assert (shared.instance_id, own.instance_id) == (None, agent_id)
    assert (await service.get_or_create_context(session, None, "plan", *place)).id == shared.id
    assert await service.read_context(session, shared.id) == {}


async def test_writers_compare_and_say_who_they_are(session: Session, here: Scope, agent_id: str) -> None:
    service = Service(ContextSettings(history_limit=2))
    context = await service.get_or_create_context(session, agent_id, "plan", here.workspace_id)
    assert await service.write_context(session, context.id, {"n": 1}, expected_version=0, created_by="me") == 1
    with pytest.raises(VersionConflict):
        await service.write_context(session, context.id, {"n": 2}, expected_version=0)
    with pytest.raises(ContextTooLarge):
        await service.write_context(session, context.id, {"n": "n" * 1_000_000})
    [version] = await service.list_versions(session, context.id)
    assert (version.created_by, version.data) == ("me", {"n": 1})
    for number in (2, 3):
        await service.write_context(session, context.id, {"n": number})
    assert [row.version for row in await service.list_versions(session, context.id)] == [3, 2]
    with pytest.raises(NoSuchContextVersion):
        await service.read_context(session, context.id, 1)


async def test_a_rollback_says_how_it_went(session: Session, here: Scope, agent_id: str) -> None:
    service = Service()
    context = await service.get_or_create_context(session, agent_id, "plan", here.workspace_id)
    for number in (1, 2):
        await service.write_context(session, context.id, {"n": number})
    rolled_back = await service.rollback_to_version(session, context.id, 1)
    assert (rolled_back.current_version, rolled_back.rollback_state) == (1, ContextRollbackState.SUCCESS)
    assert await service.read_context(session, context.id) == {"n": 1}
    with pytest.raises(UnknownVersion):
        await service.rollback_to_version(session, context.id, 9)
    failed = await service.get_or_create_context(session, agent_id, "plan", here.workspace_id)
    assert (failed.current_version, failed.rollback_state) == (1, ContextRollbackState.FAILED)
    assert await service.write_context(session, context.id, {"n": 3}) == 3


async def test_a_foreign_context_is_unknown(session: Session, here: Scope, agent_id: str) -> None:
    service, other = Service(), await session.database.write(new_scope)
    context = await service.get_or_create_context(session, agent_id, "plan", here.workspace_id, here.project_id)
    await service.write_context(session, context.id, {"n": 1}, workspace_id=here.workspace_id)
    for found, place in (
        (context.id, {"workspace_id": other.workspace_id}),
        (context.id, {"project_id": other.project_id}),
        (new_id(), {}),
    ):
        with pytest.raises(NoSuchContext):
            await service.read_context(session, found, None, **place)
        with pytest.raises(NoSuchContext):
            await service.list_versions(session, found, **place)
        with pytest.raises(NoSuchContext):
            await service.rollback_to_version(session, found, 1, **place)
    with pytest.raises(NoSuchContext):
        await service.write_context(session, context.id, {"n": 2}, workspace_id=other.workspace_id)
    with pytest.raises(NoSuchAgent):
        await service.get_or_create_context(session, agent_id, "plan", other.workspace_id)
    with pytest.raises(NoSuchAgent):
        await service.get_or_create_context(session, agent_id, "plan", here.workspace_id, other.project_id)
    with pytest.raises(NoSuchProject):
        await service.get_or_create_context(session, None, "plan", here.workspace_id, other.project_id)
    assert await service.read_context(session, context.id) == {"n": 1}
