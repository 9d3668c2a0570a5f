"""docs/roles.md is true: who lacks the role is refused, and nobody else is."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient, Response
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import loads
from folkmoot.kernel.scope import Role
from tests.databases import new_scope
from tests.house.operations import by_id
from tests.persons import Person, admit, enrol
from tests.serving import client_of, listening, running, settings_for
from tools.roles import Access, accesses

ADMINS = "administrators"


@dataclass(frozen=True)
class Town:
    """A workspace with a member of every role; under None somebody who is in no workspace at all."""

    app: FastAPI
    client: AsyncClient
    workspace_id: str
    people: dict[Role | None, Person]

    async def ask(self, access: Access, person: Person) -> Response:
        """All that the operation needs, of things that are not there."""
        operation = by_id()[access.operation]
        names = re.findall(r"{(\w+)}", operation.path)
        values = {name: new_id() for name in names} | {"workspace_id": self.workspace_id}
        examples = [media["example"] for media in operation.media("body").values() if "example" in media]
        is_scoped = access.needed is not None
        return await self.client.request(
            operation.method,
            operation.path.format_map(values),
            params={"q": "crash", "from": "0", "channels": "none"},
            json=examples[0] if examples else None,
            headers={**person.by_key, **({"X-Workspace-Id": self.workspace_id} if is_scoped else {})},
        )


@pytest.fixture
async def town(own_database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with running(settings_for(own_database_url, tmp_path)) as app, client_of(app) as client:
        scope = await app.state.runtime.db.write(new_scope)
        people: dict[Role | None, Person] = {None: await enrol(app, "nobody")}
        for role in Role:
            people[role] = await enrol(app, role.word)
            await admit(app, people[role], scope.workspace_id, role)
        yield Town(app, client, scope.workspace_id, people)


@pytest.mark.system
async def test_the_matrix_holds(town: Town) -> None:
    for access in accesses():
        if access.operation not in by_id():
            continue
        for role, person in town.people.items():
            answer = await town.ask(access, person)
            code = answer.json()["code"] if answer.status_code >= 400 else ""
            said = f"{access.operation} as {role}: {answer.status_code} {code}"
            is_low = access.needed is not None and role is not None and role < access.needed
            assert (code == "role_too_low") == is_low, said
            assert (code == "admins_only") == access.who.startswith(ADMINS), said
            if access.needed is not None:
                assert (code == "no_such_workspace") == (role is None), said
            if is_low:
                assert access.needed is not None
                assert role is not None
                assert (answer.status_code, answer.json()["needed"]) == (403, access.needed.word), said
                assert answer.json()["role"] == role.word


async def test_sockets_too(town: Town) -> None:
    sockets = [access for access in accesses() if access.operation not in by_id()]
    assert {access.method for access in sockets} == {"WS"}
    async with listening(town.app) as place:
        for access in sockets:
            path = re.sub(r"{\w+}", new_id(), access.path)
            for role, person in town.people.items():
                headers = {**person.by_key, "X-Workspace-Id": town.workspace_id}
                code = await knock(f"ws://{place}{path}", headers)
                assert (code == "no_such_workspace") == (role is None), access
                assert (code == "role_too_low") == (role is not None and role < (access.needed or role))


async def knock(address: str, headers: dict[str, str]) -> str:
    """The code of the problem; empty where the socket opens, as one without an id in its path does."""
    try:
        async with connect(address, additional_headers=headers):
            return ""
    except InvalidStatus as refused:
        body = loads(bytes(refused.response.body or b"{}"))
        assert isinstance(body, dict)
        return str(body["code"])


def test_every_operation_says_who_may() -> None:
    assert {access.operation for access in accesses()} >= by_id().keys()
    assert [access for access in accesses() if not access.who] == []
