"""The AsyncAPI document: whole, in step with the code, and its examples are what it says they are."""

import ast
import asyncio
from collections.abc import Iterator

import pytest
from httpx2 import AsyncClient
from starlette.routing import Route

from folkmoot.app import create_app
from folkmoot.events.registry import fact_types
from folkmoot.kernel.facts import SHOWS
from folkmoot.kernel.json import Json, JsonObject, loads
from folkmoot.kernel.json_schema import errors_of
from folkmoot.kernel.settings import Settings
from folkmoot.realtime.resources import RESOURCES
from tests.house.cases import SOCKETS
from tests.house.source import product

OPERATION = {"action", "channel", "messages"}
CHANNEL = {"address", "title", "description", "servers", "messages", "parameters", "bindings"}
SECTIONS = {"asyncapi", "info", "defaultContentType", "servers", "channels", "operations", "components"}


@pytest.fixture(scope="module")
def document() -> JsonObject:
    """Of an application that is not started: the document needs no database."""
    routes = create_app(Settings(_env_file=None)).router.routes
    [endpoint] = [route.endpoint for route in routes if isinstance(route, Route) and route.path == "/asyncapi.json"]
    read = loads(asyncio.run(endpoint(None)).body)
    assert isinstance(read, dict)
    return read


async def test_anybody_may_read_it(client: AsyncClient, document: JsonObject) -> None:
    answer = await client.get("/asyncapi.json")
    assert (answer.status_code, answer.json()) == (200, document)


def at(value: Json, *path: str) -> JsonObject:
    for step in path:
        assert isinstance(value, dict)
        value = value[step]
    assert isinstance(value, dict)
    return value


def refs(value: Json) -> Iterator[str]:
    match value:
        case dict():
            for key, item in value.items():
                if key == "$ref":
                    yield str(item)
                yield from refs(item)
        case list():
            for item in value:
                yield from refs(item)
        case _:
            return


def test_every_reference_leads_somewhere(document: JsonObject) -> None:
    found = set(refs(document))
    assert found
    for ref in found:
        assert ref.startswith("#/"), ref
        assert at(document, *ref.removeprefix("#/").split("/")), ref


def test_it_has_the_form_of_the_language(document: JsonObject) -> None:
    assert document.keys() == SECTIONS
    assert document["asyncapi"] == "3.0.0"
    for server in at(document, "servers").values():
        assert {"host", "protocol"} <= at(server).keys()
    for name, channel in at(document, "channels").items():
        assert at(channel).keys() <= CHANNEL, name
        for key, message in at(channel, "messages").items():
            assert at(message)["$ref"] == f"#/components/messages/{key}"
    for operation in at(document, "operations").values():
        assert at(operation).keys() == OPERATION
        assert at(operation)["action"] in ("send", "receive")
        channel = str(at(operation, "channel")["$ref"])
        assert all(ref.startswith(channel) for ref in refs(operation))


def test_every_event_and_every_socket_is_in_it(document: JsonObject) -> None:
    assert fact_types().keys() <= at(document, "components", "messages").keys()
    sockets = {name: at(channel)["address"] for name, channel in at(document, "channels").items()}
    assert sockets == {**SOCKETS, "socketio": "/"}
    for name, path in SOCKETS.items():
        said = at(document, "channels", name, "messages").keys()
        told = {"system_status", "status_update", "task_completed"} if path == "/ws/agent-updates" else fact_types()
        assert set(told) <= said, name


def test_every_example_is_one(document: JsonObject) -> None:
    for name, message in at(document, "components", "messages").items():
        if name == "socketio.event":
            continue
        payload = at(message, "payload")
        examples = at(message)["examples"]
        assert isinstance(examples, list)
        for example in examples:
            schema: JsonObject = {**payload, "components": document["components"]}
            assert errors_of(schema, at(example)["payload"]) == [], name


def test_an_example_says_all_there_is_to_say(document: JsonObject) -> None:
    """A fact without an example would have an empty one, which only fits where it has no fields."""
    for fact in fact_types().values():
        schema = at(document, "components", "schemas", f"{fact.__name__}Data")
        shown = {name for name, said in at(schema, "properties").items() if SHOWS in str(said)}
        wanted = at(schema, "properties").keys() - {"truncated"}
        assert fact.example.keys() | shown == wanted, fact.type


def test_every_resource_that_changes_has_a_schema() -> None:
    named = {
        keyword.value.value
        for source in product()
        if "resource=" in source.text
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "resource" and isinstance(keyword.value, ast.Constant)
    }
    assert len(named) > 5
    assert named <= RESOURCES.keys()
