"""Every route is described, and none tells a caller anything about another workspace's things."""

import ast
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import loads
from folkmoot.kernel.json_schema import errors_of
from folkmoot.kernel.scope import Role
from tests.databases import new_scope
from tests.house.cases import CASES, CHOSEN, OF_INSTALLATION, OPEN, OWN, SOCKETS, Case
from tests.house.operations import Operation, by_id, operations, schemas
from tests.house.places import Place, dump, filled, furnish, unknown_names
from tests.house.source import product
from tests.persons import admit, enrol
from tests.serving import client_of, listening, running, settings_for

PROBLEM = "application/problem+json"
DECORATORS = {"get", "post", "put", "patch", "delete", "websocket"}
NAMES_SOMETHING = re.compile(r"(?!correlation).+_ids?|documents|agents")
DIFFERS_ANYWAY = ("date", "x-request-id", "x-response-time")


def route_functions() -> set[str]:
    """Names of the functions that routes of the product are made of."""
    return {
        node.name
        for source in product()
        if "router." in source.text
        for node in ast.walk(source.tree)
        if isinstance(node, ast.AsyncFunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in {f"router.{name}" for name in DECORATORS}
    }


def test_every_route_is_an_operation_with_the_name_of_its_function() -> None:
    assert len(by_id()) == len(operations())
    assert route_functions() == {*by_id(), *SOCKETS}


def test_operations_are_described() -> None:
    for operation in operations():
        assert operation.path.startswith("/api/"), operation.id
        assert operation.path == operation.path.rstrip("/"), operation.id
        assert not operation.path.startswith("/api/v1"), operation.id
        assert operation.said["summary"], operation.id
        assert operation.said["tags"], operation.id
        answers = operation.said["responses"]
        declared = {"401", "403", "422", "500"}
        declared |= {"413"} if "requestBody" in operation.said else set()
        declared |= {"400", "404", "503"} if operation.is_scoped else set()
        assert declared <= answers.keys(), operation.id
        for status in (status for status in answers if int(status) >= 400):
            assert [*operation.media(status)] == [PROBLEM], (operation.id, status)
            assert operation.media(status)[PROBLEM]["examples"], (operation.id, status)


def test_operations_show_examples_that_fit() -> None:
    for operation in operations():
        places = ["body", *(status for status in operation.said["responses"] if status[0] == "2")]
        shown = [(place, kind, media) for place in places for kind, media in operation.media(place).items()]
        for place, kind, media in shown:
            assert "example" in media, f"{place} {kind} of {operation.id} has no example"
            if kind == "application/json":
                schema = {**inlined(media["schema"]), "$defs": inlined_schemas()}
                assert errors_of(schema, media["example"]) == [], f"{place} of {operation.id}"


def inlined(schema: Any) -> Any:
    """The schema with its references as a schema that stands alone has them."""
    if isinstance(schema, dict):
        return {name: inlined(part) for name, part in schema.items() if name not in ("example", "examples")}
    if isinstance(schema, list):
        return [inlined(part) for part in schema]
    return schema.replace("#/components/schemas/", "#/$defs/") if isinstance(schema, str) else schema


@cache
def inlined_schemas() -> Any:
    return inlined(schemas())


def names_taken(operation: Operation) -> set[str]:
    """The operation's inputs that name a thing of a workspace: in its path, its query and its body.

    Workspaces as selectors and in paths are left out: a test of their own goes through all of them. So is what
    only admins of the installation may name.
    """
    if operation.path.startswith(OF_INSTALLATION):
        return set()
    given = [item for item in operation.said.get("parameters", ()) if item["name"] != "workspace_id"]
    found = {item["name"] for item in given if item["in"] == "path"}
    found |= {item["name"] for item in given if item["in"] == "query" and NAMES_SOMETHING.fullmatch(item["name"])}
    for media in operation.media("body").values():
        found |= set(filter(NAMES_SOMETHING.fullmatch, properties(media["schema"])))
    return {name for name in found if (operation.id, name) not in CHOSEN}


def properties(schema: Any) -> set[str]:
    """The names of all properties, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(properties, schema))
    if not isinstance(schema, dict):
        return set()
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return set() if name == "JsonObject" else properties(schemas()[name])
    below = [part for name, part in schema.items() if name in ("items", "anyOf", "allOf", "oneOf")]
    inside = schema.get("properties", {})
    return {*inside}.union(*map(properties, [*below, *inside.values()]))


def test_every_name_that_operations_take_has_an_isolation_case() -> None:
    for operation in operations():
        covered = set().union(*(case.aims for case in CASES if case.operation == operation.id))
        taken = names_taken(operation)
        assert taken <= covered, f"{operation.id} takes {taken - covered} and has no case in CASES for it"
        names_its_workspace = operation.is_scoped or names_a_workspace(operation) or operation.path.startswith(OWN)
        assert not taken or names_its_workspace, f"{operation.id} takes {taken} and no workspace selector"


def test_every_socket_has_an_isolation_case() -> None:
    assert SOCKETS.keys() <= {case.operation for case in CASES}


@dataclass(frozen=True)
class Town:
    """The application with two furnished workspaces, each of a user who is in no other."""

    app: FastAPI
    client: AsyncClient
    wire: str
    one: Place
    other: Place

    async def changed(self, before: dict[str, list[str]]) -> list[str]:
        """Names of the tables that are not as they were, but for those in which the process says that it lives, and who
        is connected to it: the owners, whose sockets and streams are opened too.
        """
        after = await dump(self.app.state.runtime.db)
        return [name for name in before if before[name] != after[name] and name not in ("hosts", "room_presence")]


@pytest.fixture
async def town(own_database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with running(settings_for(own_database_url, tmp_path)) as app, client_of(app) as client:
        app.state.socket_rules = replace(app.state.socket_rules, heartbeat_seconds=0.1)  # each socket says something
        places = []
        for letter, number in (("a", 4004), ("b", 5005)):
            scope = await app.state.runtime.db.write(new_scope)
            person = await enrol(app, f"user-{letter}")
            await admit(app, person, scope.workspace_id, Role.OWNER)
            place = await furnish(app, client, scope, letter, number, person.by_session)
            place.names.update(user=person.id, api_key=person.key_id, workspace_slug=scope.workspace_id)
            places.append(place)
        async with listening(app) as address:
            yield Town(app, client, address, *places)


Answer = tuple[int, dict[str, str], Any]


async def ask(town: Town, case: Case, caller: Place, names: dict[str, str]) -> Answer:
    """What the caller gets who puts these names where the case says."""
    values = {name: str(filled(value, caller.names, names)) for name, value in case.given.items()}
    if case.operation in SOCKETS:
        return await knock(town, SOCKETS[case.operation], caller, values)
    operation = by_id()[case.operation]
    in_path = set(re.findall(r"{(\w+)}", operation.path))
    answer = await town.client.request(
        operation.method,
        operation.path.format_map(values),
        params={name: value for name, value in values.items() if name not in in_path},
        json=filled(case.body, caller.names, names),
        headers=caller.headers,
    )
    is_json = answer.headers.get("content-type", "").endswith("json")
    return comparable(answer.status_code, dict(answer.headers), answer.json() if is_json else answer.text)


async def knock(town: Town, path: str, caller: Place, values: dict[str, str]) -> Answer:
    query = "&".join(f"{name}={value}" for name, value in values.items() if f"{{{name}}}" not in path)
    address = f"ws://{town.wire}{path.format_map(values)}?{query}"
    try:
        async with connect(address, additional_headers=caller.headers, max_queue=None) as socket:
            return 101, {}, await socket.recv()
    except InvalidStatus as refused:
        answer = refused.response
        return comparable(answer.status_code, dict(answer.headers.raw_items()), loads(bytes(answer.body or b"null")))


def comparable(status: int, headers: dict[str, str], body: Any) -> Answer:
    kept = {name.lower(): value for name, value in headers.items() if name.lower() not in DIFFERS_ANYWAY}
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in ("timestamp", "request_id", "instance")}
    return status, kept, body


@pytest.mark.system
async def test_what_is_foreign_is_unknown(town: Town) -> None:
    unknown = unknown_names()
    before = await dump(town.app.state.runtime.db)
    for caller, owner in ((town.one, town.other), (town.other, town.one)):
        for case in CASES:
            foreign = await ask(town, case, caller, owner.names)
            assert foreign == await ask(town, case, caller, unknown), case
            is_read = case.operation in SOCKETS or by_id()[case.operation].method == "GET"
            if is_read:  # what its owner sees is another thing, so that the case proves something
                assert foreign != await ask(town, case, owner, owner.names), case
            else:
                assert (foreign[0], foreign[2]["code"] != "no_such_path") == (404, True), case
            for name in owner.names.values():
                assert len(name) < 10 or name not in str(foreign), case
    assert await town.changed(before) == []


def selectors(names: dict[str, str]) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Headers and query by which a call may name this workspace."""
    return [
        ({"X-Workspace-Id": names["workspace"]}, {}),
        ({"X-Workspace-Slug": names["workspace_slug"]}, {}),
        ({}, {"workspace_id": names["workspace"]}),
        ({}, {"workspace_slug": names["workspace_slug"]}),
    ]


def names_a_workspace(operation: Operation) -> bool:
    return "{workspace_id}" in operation.path


async def call(
    town: Town, operation: Operation, names: dict[str, str], headers: dict[str, str], query: dict[str, str]
) -> Answer:
    """Everything the operation needs is given, with these names in its path."""
    [case, *_] = [case for case in CASES if case.operation == operation.id] or [Case(operation.id)]
    values = {name: str(filled(value, names, names)) for name, value in case.given.items()}
    known = {"workspace_id": names["workspace"], "user_id": names["user"], "worker_id": "one", "name": "a_name"}
    values = {**known, **values}
    examples = [media["example"] for media in operation.media("body").values()]
    answer = await town.client.request(
        operation.method,
        operation.path.format_map(values),
        params={**query, **({"q": "crash"} if operation.id in ("search_knowledge", "search_rooms") else {})},
        json=examples[0] if examples else None,
        headers=headers,
    )
    is_json = answer.headers.get("content-type", "").endswith("json")
    return comparable(answer.status_code, dict(answer.headers), answer.json() if is_json else answer.text)


@pytest.mark.system
async def test_a_workspace_of_others_is_unknown_everywhere(town: Town) -> None:
    """By header, by query and by path: one sentence, the same as for one that does not exist."""
    before = await dump(town.app.state.runtime.db)
    unknown = {**unknown_names(), "workspace": new_id()}
    for operation in operations():
        pairs = []
        if operation.is_scoped:
            pairs += [*zip(selectors(town.other.names), selectors(unknown), strict=True)]
        if names_a_workspace(operation):
            pairs += [(({}, {}), ({}, {}))]
        for (foreign_header, foreign_query), (header, query) in pairs:
            mine = town.one.credential
            foreign = await call(town, operation, town.other.names, {**mine, **foreign_header}, foreign_query)
            assert foreign == await call(town, operation, unknown, {**mine, **header}, query), operation.id
            status, _, body = foreign
            assert (status, body["code"], body["detail"]) == (404, "no_such_workspace", "Workspace not found")
    assert await town.changed(before) == []


async def test_whoever_is_not_logged_in_stays_outside(town: Town) -> None:
    before = await dump(town.app.state.runtime.db)
    for operation in operations():
        if operation.id in OPEN:
            assert operation.said["security"] == [], operation.id
            continue
        for credential in ({}, {"Authorization": "Bearer x"}, {"X-API-Key": "fmkey_000000000000_x"}):
            headers = {**credential, "X-Workspace-Id": town.one.names["workspace"]}
            status, answered, body = await call(town, operation, town.one.names, headers, {})
            assert (status, body["code"]) == (401, "not_authenticated"), operation.id
            assert answered["www-authenticate"] == "Bearer", operation.id
    for path in SOCKETS.values():
        stranger = Place(town.client, town.one.scope)
        given = {f"{name}_id": town.one.names[name] for name in ("run", "task", "agent", "debate", "room")}
        status, _, body = await knock(town, path, stranger, given)
        assert (status, body["code"]) == (401, "not_authenticated"), path
    assert await town.changed(before) == []
    assert by_id().keys() >= OPEN


async def test_a_key_means_nothing_elsewhere(town: Town) -> None:
    """An Idempotency-Key of one workspace neither answers its run in another nor stands in the way there."""
    made = []
    for place in (town.one, town.other):
        headers = {**place.headers, "Idempotency-Key": "same"}
        for path, body in (
            ("/api/runs?wait=30", {"task_id": place.names["task"]}),
            (f"/api/agents/{place.names['agent']}/message", {"message": "Hello again"}),
            (f"/api/rooms/{place.names['room']}/messages", {"content": "Hello again"}),
        ):
            answer = await town.client.post(path, json=body, headers={**headers, "Idempotency-Key": path[:9]})
            assert answer.is_success, answer.text
            made.append(answer.json().get("run_id") or answer.json()["id"])
    assert len(set(made)) == 6
