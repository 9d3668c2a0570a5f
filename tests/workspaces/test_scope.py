"""The default workspace, and how a request names another one."""

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.accounts.rules import LOCAL_OWNER
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import Scope
from folkmoot.workspaces.above import RoomsAbove
from folkmoot.workspaces.lookup import Selector, WorkspaceLookup
from folkmoot.workspaces.queries import NoSuchWorkspace
from folkmoot.workspaces.service import ensure_default
from folkmoot.workspaces.tables import Workspace
from tests.databases import new_scope

NOWHERE = "0190f0f0-0000-7000-8000-000000000000"


async def test_made_once_with_what_hangs_on_it(db: Database) -> None:
    made: list[str] = []

    def note(tx: Tx, workspace_id: str) -> None:
        made.append(workspace_id)

    first = await db.write(ensure_default, RoomsAbove((note,)))
    second = await db.write(ensure_default, RoomsAbove((note,)))
    assert (first.id, first.workspace_id) == (second.id, second.workspace_id)
    assert made in ([], [first.workspace_id])


async def test_lookup_remembers_for_a_moment_and_refuses_nonsense(db: Database, scope: Scope) -> None:
    lookup = WorkspaceLookup(db)
    here: Selector = ("id", scope.workspace_id)
    found = await lookup.find(LOCAL_OWNER, here)
    assert (found.workspace_id, found.project_id, found.actor) == (*here[1:], scope.project_id, LOCAL_OWNER.actor)
    await db.write(doom, scope)
    assert await lookup.find(LOCAL_OWNER, here) == found
    lookup.forget()
    for nonsense in ("", "x", "\x00", NOWHERE, "'; drop table workspaces", scope.workspace_id):
        with pytest.raises(NoSuchWorkspace):
            await lookup.find(LOCAL_OWNER, ("id", nonsense))
        with pytest.raises(NoSuchWorkspace):
            await lookup.find(LOCAL_OWNER, ("slug", nonsense))


def doom(tx: Tx, scope: Scope) -> None:
    tx.write(sa.update(Workspace).where(Workspace.id == scope.workspace_id).values(status="deleting"))


async def test_selectors(client: AsyncClient, app: FastAPI) -> None:
    default = await app.state.workspaces.find()
    for headers, query in (
        ({}, ""),
        ({"X-Workspace-Id": default.workspace_id}, ""),
        ({"X-Workspace-Id": default.workspace_id.upper()}, ""),
        ({"X-Workspace-Slug": "default"}, ""),
        ({}, f"?workspace_id={default.workspace_id}"),
        ({}, "?workspace_slug=default"),
        ({"X-Workspace-Id": default.workspace_id}, "?workspace_slug=default"),
    ):
        assert (await client.get(f"/api/runs{query}", headers=headers)).status_code == 200


UNKNOWN = [NOWHERE, "nope", "%27", "%F0%9F%90%99"]


async def test_unknown(client: AsyncClient) -> None:
    for named in UNKNOWN:
        answers = [
            await client.get(f"/api/runs?workspace_id={named}"),
            await client.get(f"/api/runs?workspace_slug={named}"),
            await client.get("/api/runs", headers={"X-Workspace-Id": named}),
            await client.get("/api/runs", headers={"X-Workspace-Slug": named}),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["detail"]) == (404, "Workspace not found")
            assert named not in answer.text


async def test_selectors_that_disagree(client: AsyncClient, app: FastAPI) -> None:
    other: Scope = await app.state.runtime.db.write(new_scope)
    answer = await client.get("/api/runs?workspace_slug=default", headers={"X-Workspace-Id": other.workspace_id})
    assert (answer.status_code, answer.json()["code"]) == (400, "selectors_disagree")
