"""Every route is described, and none tells a caller anything about another workspace's things."""

import ast
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject, loads
from folkmoot.kernel.json_schema import errors_of
from tests.databases import new_scope
from tests.house.operations import BY_ID, OPERATIONS, SCHEMAS, Operation
from tests.house.places import FOREIGN, Place, dump, filled, furnish, unknown_names
from tests.house.source import product
from tests.serving import client_of, listening, running, settings_for

PROBLEM = "application/problem+json"
DECORATORS = {"get", "post", "put", "patch", "delete", "websocket"}
NAMES_SOMETHING = re.compile(r"(?!correlation).+_ids?|documents|agents")
DIFFERS_ANYWAY = ("date", "x-request-id", "x-response-time")


@dataclass(frozen=True)
class Case:
    """One way to hand an operation another workspace's id; `given` fills its path, then its query."""

    operation: str
    given: dict[str, str] = field(default_factory=dict)
    body: JsonObject | None = None

    @property
    def aims(self) -> set[str]:
        """The inputs a foreign name is put into."""
        return {name for name, value in self.given.items() if value[0] == FOREIGN} | _aims(self.body or {})


def _aims(body: JsonObject) -> set[str]:
    found: set[str] = set()
    for name, value in body.items():
        if isinstance(value, dict):
            found |= _aims(value)
        elif any(str(item)[:1] == FOREIGN for item in (value if isinstance(value, list) else [value])):
            found.add(name)
    return found


RUN, TASK, CONVERSATION = {"run_id": "@run"}, {"task_id": "@task"}, {"conversation_id": "@conversation"}
AGENTS = [{"agent_id": name} for name in ("@agent", "@agent_number", "@agent_slug")]
TEXT: JsonObject = {"message": "Hello"}
SHARED = {"project_id": "@project", "name": "@context_name"}
OWN_SHARED = {"project_id": "=project", "name": "=context_name"}
WRITTEN: JsonObject = {"data": {"a": 1}}
POSTED: JsonObject = {"direction": "inbound", "payload": {}}
PROJECT = {"workspace_id": "=workspace", "project_id": "@project"}

CASES = [
    Case("list_runs", TASK),
    Case("start_run", body={"task_id": "@task"}),
    Case("start_run", body={"task_id": "=task", "documents": ["@document"]}),
    Case("start_run", body={"task_id": "=task", "documents": ["=document", "@document"]}),
    Case("get_run", RUN),
    Case("get_run", {**RUN, "with_cursor": "true"}),
    Case("change_run", RUN, {"priority": "high"}),
    Case("delete_run", RUN),
    Case("delete_run", {**RUN, "cancel": "true"}),
    Case("wait_for_run", RUN),
    Case("list_run_logs", RUN),
    Case("list_run_events", RUN),
    Case("stream_run", RUN),
    Case("stream_run", {**RUN, "after": "100000"}),
    Case("cancel_run", RUN),
    Case("pause_run", RUN),
    Case("resume_run", RUN),
    Case("list_run_artifacts", RUN),
    Case("get_run_artifact", {**RUN, "name": "=artifact_name"}),
    Case("get_run_artifact", {**RUN, "name": "@artifact"}),
    Case("get_run_artifact", {"run_id": "=run", "name": "@artifact"}),
    Case("follow_run", RUN),
    Case("follow_run", {**RUN, "after": "0"}),
    Case("create_task", body={"description": "Summarise", "config": {"documents": ["@document"]}}),
    Case("get_task", TASK),
    Case("change_task", TASK, {"priority": "high"}),
    Case("change_task", {"task_id": "=task"}, {"config": {"documents": ["@document"]}}),
    Case("delete_task", TASK),
    Case("delete_task", {**TASK, "cancel": "true"}),
    Case("list_agents", {"project_id": "@project"}),
    *(Case("change_agent", agent, {"name": "Mine"}) for agent in AGENTS),
    *(Case("change_agent", agent, {"status": "idle"}) for agent in AGENTS),
    *(Case("delete_agent", agent) for agent in AGENTS),
    *(Case(f"{verb}_agent", agent) for verb in ("activate", "deactivate", "shutdown") for agent in AGENTS),
    Case("create_agent", body={"definition_id": "@definition"}),
    Case("create_agent", body={"definition_slug": "@definition_slug"}),
    Case("create_agent", body={"definition_slug": "assistant", "project_id": "@project"}),
    *(Case("get_agent", agent) for agent in AGENTS),
    *(Case("get_agent_status", agent) for agent in AGENTS),
    *(Case("send_message", agent, {**TEXT, "stream": stream}) for agent in AGENTS for stream in (False, True)),
    Case("send_message", {"agent_id": "=agent"}, {**TEXT, **CONVERSATION}),
    Case("send_message", {"agent_id": "=agent"}, {**TEXT, **CONVERSATION, "stream": True}),
    Case("send_message", {"agent_id": "@agent"}, {**TEXT, "conversation_id": "=conversation"}),
    *(Case("list_agent_messages", agent) for agent in AGENTS),
    Case("list_agent_messages", {"agent_id": "=agent", **CONVERSATION}),
    *(Case("post_agent_message", agent, POSTED) for agent in AGENTS),
    *(Case("post_agent_message", {"agent_id": "=agent"}, {**POSTED, **about}) for about in (RUN, TASK)),
    *(
        Case("post_agent_message", {"agent_id": "=agent"}, {"payload": {}, "to_agent_id": agent["agent_id"]})
        for agent in AGENTS
    ),
    *(Case("acknowledge_agent_messages", agent, {"message_ids": ["=message"]}) for agent in AGENTS),
    Case("acknowledge_agent_messages", {"agent_id": "=agent"}, {"message_ids": ["@message"]}),
    Case("acknowledge_agent_messages", {"agent_id": "=agent"}, {"message_ids": ["=message", "@message"]}),
    *(Case("list_conversations", agent) for agent in AGENTS),
    Case("get_conversation", CONVERSATION),
    Case("rename_conversation", CONVERSATION, {"title": "Mine"}),
    Case("delete_conversation", CONVERSATION),
    Case("list_conversation_messages", CONVERSATION),
    *(Case("list_contexts", agent) for agent in AGENTS),
    *(Case("read_context", agent) for agent in AGENTS),
    Case("read_context", {"agent_id": "=agent", **RUN}),
    *(Case("write_context", agent, WRITTEN) for agent in AGENTS),
    Case("write_context", {"agent_id": "=agent"}, {**WRITTEN, "run_id": "@run"}),
    *(Case("rollback_context", agent, {"target_version": 1}) for agent in AGENTS),
    *(Case("list_context_versions", agent) for agent in AGENTS),
    *(Case("compare_context_versions", {**agent, "from": "0"}) for agent in AGENTS),
    *(Case("list_context_readers", {**agent, "version": "@context_version"}) for agent in AGENTS),
    Case("list_project_contexts", {"project_id": "@project"}),
    Case("read_project_context", SHARED),
    Case("read_project_context", {**OWN_SHARED, **RUN}),
    Case("write_project_context", SHARED, WRITTEN),
    Case("write_project_context", OWN_SHARED, {**WRITTEN, "run_id": "@run"}),
    Case("rollback_project_context", SHARED, {"target_version": 1}),
    Case("list_project_context_versions", SHARED),
    Case("compare_project_context_versions", {**SHARED, "from": "0"}),
    Case("list_project_context_readers", {**SHARED, "version": "@context_version"}),
    Case("get_project", PROJECT),
    Case("change_project", PROJECT, {"name": "Mine"}),
    Case("delete_project", PROJECT),
    Case("delete_project", {**PROJECT, "confirm": "default"}),
    Case("get_document", {"document_id": "@document"}),
    Case("delete_document", {"document_id": "@document"}),
    Case("search_knowledge", {"q": "crash", "document_id": "@document"}),
]


SOCKETS = {"follow_run": "/ws/runs/{run_id}"}


def route_functions() -> set[str]:
    """Names of the functions that routes of the product are made of."""
    return {
        node.name
        for source in product()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.AsyncFunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in {f"router.{name}" for name in DECORATORS}
    }


def test_every_route_is_an_operation_with_the_name_of_its_function() -> None:
    assert len(BY_ID) == len(OPERATIONS)
    assert route_functions() == {*BY_ID, *SOCKETS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_an_operation_is_described(operation: Operation) -> None:
    assert operation.path.startswith("/api/")
    assert operation.path == operation.path.rstrip("/")
    assert not operation.path.startswith("/api/v1")
    assert operation.said["summary"]
    assert operation.said["tags"]
    answers = operation.said["responses"]
    declared = {"401", "403", "422", "500"}
    declared |= {"413"} if "requestBody" in operation.said else set()
    declared |= {"400", "404", "503"} if operation.is_scoped else set()
    assert declared <= answers.keys()
    for status in answers:
        if int(status) >= 400:
            assert [*operation.media(status)] == [PROBLEM], status
            assert operation.media(status)[PROBLEM]["examples"], status


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_an_operation_shows_examples_that_fit(operation: Operation) -> None:
    places = ["body", *(status for status in operation.said["responses"] if status[0] == "2")]
    shown = [(place, kind, media) for place in places for kind, media in operation.media(place).items()]
    for place, kind, media in shown:
        assert "example" in media, f"{place} {kind} of {operation.id} has no example"
        if kind == "application/json":
            schema = {**inlined(media["schema"]), "$defs": inlined(SCHEMAS)}
            assert errors_of(schema, media["example"]) == [], f"{place} of {operation.id}"


def inlined(schema: Any) -> Any:
    """The schema with its references as a schema that stands alone has them."""
    if isinstance(schema, dict):
        return {name: inlined(part) for name, part in schema.items() if name not in ("example", "examples")}
    if isinstance(schema, list):
        return [inlined(part) for part in schema]
    return schema.replace("#/components/schemas/", "#/$defs/") if isinstance(schema, str) else schema


def names_taken(operation: Operation) -> set[str]:
    """The operation's inputs that name a thing of a workspace: in its path, its query and its body.

    Workspaces themselves are left out: until there are accounts the one caller may see all of them.
    """
    given = [item for item in operation.said.get("parameters", ()) if item["name"] != "workspace_id"]
    found = {item["name"] for item in given if item["in"] == "path"}
    found |= {item["name"] for item in given if item["in"] == "query" and NAMES_SOMETHING.fullmatch(item["name"])}
    for media in operation.media("body").values():
        found |= set(filter(NAMES_SOMETHING.fullmatch, properties(media["schema"])))
    return found


def properties(schema: Any) -> set[str]:
    """The names of all properties, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(properties, schema))
    if not isinstance(schema, dict):
        return set()
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return set() if name == "JsonObject" else properties(SCHEMAS[name])
    below = [part for name, part in schema.items() if name in ("items", "anyOf", "allOf", "oneOf")]
    inside = schema.get("properties", {})
    return {*inside}.union(*map(properties, [*below, *inside.values()]))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_every_name_an_operation_takes_has_an_isolation_case(operation: Operation) -> None:
    covered = set().union(*(case.aims for case in CASES if case.operation == operation.id))
    taken = names_taken(operation)
    assert taken <= covered, f"{operation.id} takes {taken - covered} and has no case in CASES for it"
    names_its_workspace = operation.is_scoped or "{workspace_id}" in operation.path
    assert not taken or names_its_workspace, f"{operation.id} takes {taken} and no workspace selector"


def test_every_socket_has_an_isolation_case() -> None:
    assert SOCKETS.keys() <= {case.operation for case in CASES}


@dataclass(frozen=True)
class Town:
    """The application with two furnished workspaces: the default one, and another."""

    app: FastAPI
    client: AsyncClient
    wire: str
    default: Place
    other: Place

    async def changed(self, before: dict[str, list[str]]) -> list[str]:
        """Names of the tables that are not as they were."""
        after = await dump(self.app.state.runtime.db)
        return [name for name in before if before[name] != after[name]]


@pytest.fixture
async def town(own_database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with running(settings_for(own_database_url, tmp_path)) as app, client_of(app) as client:
        scopes = [await app.state.workspaces.find(), await app.state.runtime.db.write(new_scope)]
        places = [
            await furnish(app, client, scope, letter, number)
            for scope, letter, number in zip(scopes, "ab", (4004, 5005), strict=True)
        ]
        async with listening(app) as address:
            yield Town(app, client, address, *places)


Answer = tuple[int, dict[str, str], Any]


async def ask(town: Town, case: Case, caller: Place, names: dict[str, str]) -> Answer:
    """What the caller gets who puts these names where the case says."""
    values = {name: str(filled(value, caller.names, names)) for name, value in case.given.items()}
    if case.operation in SOCKETS:
        return await knock(town, SOCKETS[case.operation], caller, values)
    operation = BY_ID[case.operation]
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
        async with connect(address, additional_headers=caller.headers) as socket:
            return 101, {}, await socket.recv()
    except InvalidStatus as refused:
        answer = refused.response
        return comparable(answer.status_code, dict(answer.headers.raw_items()), loads(bytes(answer.body or b"null")))


def comparable(status: int, headers: dict[str, str], body: Any) -> Answer:
    kept = {name.lower(): value for name, value in headers.items() if name.lower() not in DIFFERS_ANYWAY}
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in ("timestamp", "request_id", "instance")}
    return status, kept, body


async def test_what_is_foreign_is_unknown(town: Town) -> None:
    unknown = unknown_names()
    before = await dump(town.app.state.runtime.db)
    for caller, owner in ((town.default, town.other), (town.other, town.default)):
        for case in CASES:
            foreign = await ask(town, case, caller, owner.names)
            assert foreign == await ask(town, case, caller, unknown), case
            is_read = case.operation in SOCKETS or BY_ID[case.operation].method == "GET"
            if is_read:  # what its owner sees is another thing, so that the case proves something
                assert foreign != await ask(town, case, owner, owner.names), case
            else:
                assert (foreign[0], foreign[2]["code"] != "no_such_path") == (404, True), case
            for name in owner.names.values():
                assert len(name) < 10 or name not in str(foreign), case
    assert await town.changed(before) == []


SELECTORS = [
    ({"X-Workspace-Id": new_id()}, {}),
    ({"X-Workspace-Slug": "no-such-place"}, {}),
    ({}, {"workspace_id": new_id()}),
    ({}, {"workspace_slug": "no-such-place"}),
]


async def test_an_unknown_workspace_is_one_sentence_everywhere(town: Town) -> None:
    before = await dump(town.app.state.runtime.db)
    for operation in filter(lambda operation: operation.is_scoped, OPERATIONS):
        [case, *_] = [case for case in CASES if case.operation == operation.id] or [Case(operation.id)]
        values = {name: str(filled(value, town.other.names, town.default.names)) for name, value in case.given.items()}
        examples = [media["example"] for media in operation.media("body").values()]
        for headers, query in SELECTORS:
            answer = await town.client.request(
                operation.method,
                operation.path.format_map(values),
                params={**query, **({"q": "crash"} if operation.id == "search_knowledge" else {})},
                json=examples[0] if examples else None,
                headers=headers,
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "no_such_workspace"), operation.id
            assert answer.json()["detail"] == "Workspace not found"
    assert await town.changed(before) == []


async def test_a_key_means_nothing_elsewhere(town: Town) -> None:
    """An Idempotency-Key of one workspace neither answers its run in another nor stands in the way there."""
    made = []
    for place in (town.default, town.other):
        headers = {**place.headers, "Idempotency-Key": "same"}
        for path, body in (
            ("/api/runs?wait=30", {"task_id": place.names["task"]}),
            (f"/api/agents/{place.names['agent']}/message", {"message": "Hello again"}),
        ):
            answer = await town.client.post(path, json=body, headers={**headers, "Idempotency-Key": path[:9]})
            assert answer.is_success, answer.text
            made.append(answer.json().get("run_id", answer.json().get("id")))
    assert len(set(made)) == 4
