"""The AsyncAPI document: every socket, every event with its schema and an example, read off what the code declares."""

import dataclasses
from collections.abc import Iterable
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIWebSocketRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from folkmoot import __version__
from folkmoot.events.registry import PLACE, data_schemas, fact_types
from folkmoot.kernel.facts import REFERENCES, SHOWS, Fact
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.ops.schemas import SystemStatus
from folkmoot.realtime.frames import CONTROL, FROM_CLIENT, OF_ROOMS, SOCKETIO_IN, SOCKETIO_OUT, STATUS
from folkmoot.realtime.resources import RESOURCES
from folkmoot.tasks.events import TaskCompleted

PATH = "/asyncapi.json"

_UPDATES = "/ws/agent-updates"
_ONLY = {"heartbeat": ("/ws/debate-updates",), **dict.fromkeys(OF_ROOMS, ("/ws/rooms/{room_id}", "/ws/events"))}
_WITHOUT = {
    "/ws/debate-updates": ("subscribed", "started", "delta", "delta_reset"),
    "/ws/rooms/{room_id}": ("unsubscribed",),
}
_MESSAGES = "#/components/messages/"
_ID = "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217"
_AT = "2026-11-21T11:43:39.311652Z"
_STRING: JsonObject = {"type": "string"}
_FRAME: JsonObject = {
    "type": "object",
    "description": "An event as every stream sends it; one of a run has the run's own gapless `run_seq` too",
    "required": ["event_type", "timestamp", "seq", "workspace_id", "data"],
    "properties": {
        "event_type": _STRING,
        "timestamp": {"type": "string", "format": "date-time"},
        "seq": {"type": "integer", "minimum": 1, "description": "Place in the workspace's log: drop what is not above"},
        "workspace_id": _STRING,
        **dict.fromkeys(REFERENCES, _STRING),
        "run_seq": {"type": "integer", "minimum": 1},
        "data": {"type": "object"},
    },
}
_DESCRIPTION = """\
What the sockets of Folkmoot say. Every stream is a part of a workspace's log: one total order, the same for \
everybody. A field with `x-shows` shows that resource as the API does; with `x-part` only what may have changed of \
it. Whoever merges these keeps what the API would answer (docs/events.md has the rules). Data with \
`truncated: true` was too long: ask the API for the resource.\
"""
_HOST: JsonObject = {
    "host": "{address}",
    "variables": {"address": {"default": "localhost:8000", "description": "Where the server answers; wss behind TLS"}},
}
_SERVERS: JsonObject = {
    "websocket": {**_HOST, "protocol": "ws", "description": "WebSockets; a browser opens one with `?ticket=`"},
    "socketio": {**_HOST, "protocol": "socket.io", "pathname": "/socket.io", "description": "Socket.IO"},
}


def add_asyncapi(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Serve the document of the sockets that these routers have; it is made when it is first asked for."""
    sockets = [route for router in routers for route in router.routes if isinstance(route, APIWebSocketRoute)]
    made = cache(lambda: asyncapi(sockets))

    async def answer(_: Request) -> JSONResponse:
        return JSONResponse(made())

    app.router.routes.append(Route(PATH, answer))


def asyncapi(sockets: Iterable[APIWebSocketRoute]) -> JsonObject:
    """The document, AsyncAPI 3.0."""
    data, schemas = data_schemas(RESOURCES)
    messages: dict[str, Json] = {}
    for name, fact in fact_types().items():
        schemas[f"{fact.__name__}Data"] = data[name]
        schemas[f"{fact.__name__}Frame"] = _frame_schema(fact, data[name])
        messages[name] = {
            **_described(name, str(data[name]["description"])),
            "payload": {"$ref": f"{PLACE}{fact.__name__}Frame"},
            "examples": [{"payload": _frame_example(fact, data[name])}],
        }
    events = [*messages]
    for group in (CONTROL, STATUS, FROM_CLIENT, SOCKETIO_IN, SOCKETIO_OUT):
        messages |= {_key(name, group): _model_message(name, model) for name, model in group.items()}
        schemas |= _schemas_of(group)
    schemas["Frame"] = _FRAME
    frame: JsonObject = {"$ref": f"{PLACE}Frame"}
    messages["socketio.event"] = {**_described("event", "Any event of the log, as its frame"), "payload": frame}
    said = {route.name: _said(route.path, events) for route in sockets}
    taken = {route.name: [*map(_of_client, FROM_CLIENT)] for route in sockets if route.path in _ONLY["typing"]}
    channels = {route.name: _channel(route, said[route.name] + taken.get(route.name, [])) for route in sockets}
    operations: dict[str, Json] = {name: _operation(name, "send", said[name]) for name in channels}
    operations |= {f"{name}_in": _operation(name, "receive", messages) for name, messages in taken.items()}
    incoming = [_key(name, SOCKETIO_IN) for name in SOCKETIO_IN]
    outgoing = [*(_key(name, SOCKETIO_OUT) for name in SOCKETIO_OUT), "socketio.event"]
    channels["socketio"] = _of_socketio([*incoming, *outgoing])
    operations["socketio_in"] = _operation("socketio", "receive", incoming)
    operations["socketio_out"] = _operation("socketio", "send", outgoing)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Folkmoot", "version": __version__, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": _SERVERS,
        "channels": {**channels},
        "operations": operations,
        "components": {"messages": messages, "schemas": {**schemas}},
    }


def _said(path: str, events: Iterable[str]) -> list[str]:
    """Any event that is about what is followed, and the control frames of the socket."""
    if path == _UPDATES:
        return [*STATUS, TaskCompleted.type, "subscribed"]
    return [
        *events,
        *(name for name in CONTROL if path in _ONLY.get(name, (path,)) and name not in _WITHOUT.get(path, ())),
    ]


def _described(name: str, description: str) -> JsonObject:
    return {"name": name, "title": name.replace("_", " ").capitalize(), "summary": description.split("\n\n")[0]}


def _frame_schema(fact: type[Fact], data: JsonObject) -> JsonObject:
    """The frame of one type; what the fact always names is always there."""
    always: list[Json] = [
        field.name
        for field in dataclasses.fields(fact)
        if field.name in REFERENCES and field.default is dataclasses.MISSING
    ]
    special: JsonObject = {"event_type": {"const": fact.type}, "data": {"$ref": f"{PLACE}{fact.__name__}Data"}}
    described = {"description": data["description"]}
    return {"allOf": [{"$ref": f"{PLACE}Frame"}], "required": always, "properties": special, **described}


def _frame_example(fact: type[Fact], data: JsonObject) -> JsonObject:
    shown: JsonObject = {}
    properties = data["properties"]
    assert isinstance(properties, dict)
    for name, schema in properties.items():
        if (resource := _shown_by(schema)) is not None:
            shown[name] = _example_of(RESOURCES[resource])
    of_fact = {field.name for field in dataclasses.fields(fact)}
    references = {name: _ID for name in REFERENCES if name in of_fact}
    head: JsonObject = {"event_type": fact.type, "timestamp": _AT, "seq": 12, "workspace_id": _ID}
    return {**head, **references, "data": {**fact.example, **shown}}


def _shown_by(schema: Json) -> str | None:
    """The resource that a property shows."""
    if not isinstance(schema, dict):
        return None
    name, either = schema.get(SHOWS), schema.get("anyOf")
    options = map(_shown_by, either) if isinstance(either, list) else ()
    return name if isinstance(name, str) else next((option for option in options if option is not None), None)


def _example_of(model: type[BaseModel]) -> Json:
    said: Any = model.model_config.get("json_schema_extra")
    example: Json = said["examples"][0]
    return example


def _key(name: str, group: dict[str, type[BaseModel]]) -> str:
    """Messages of Socket.IO may have the names of events, and what is said that of what is heard."""
    if group in (CONTROL, STATUS):
        return name
    if group is FROM_CLIENT:
        return _of_client(name)
    return f"socketio_in.{name}" if group is SOCKETIO_IN else f"socketio.{name}"


def _of_client(name: str) -> str:
    return f"client.{name}"


def _model_message(name: str, model: type[BaseModel]) -> JsonObject:
    described = _described(name, model.__doc__ or "")
    return {
        **described,
        "payload": {"$ref": f"{PLACE}{model.__name__}"},
        "examples": [{"payload": _model_example(name, model)}],
    }


def _model_example(name: str, model: type[BaseModel]) -> Json:
    if model not in STATUS.values():
        return _example_of(model)
    return {"event_type": name, "timestamp": _AT, "workspace_id": _ID, "data": _example_of(SystemStatus)}


def _schemas_of(group: dict[str, type[BaseModel]]) -> dict[str, JsonObject]:
    _, made = models_json_schema([(model, "serialization") for model in group.values()], ref_template=PLACE + "{model}")
    found: dict[str, JsonObject] = made["$defs"]
    return found


def _refs(base: str, names: Iterable[str]) -> list[Json]:
    return [{"$ref": f"{base}{name}"} for name in names]


def _channel(route: APIWebSocketRoute, messages: list[str]) -> Json:
    query: JsonObject = {}
    for field in route.dependant.query_params:
        query[field.alias] = {"description": field.field_info.description or "", **_STRING}
    in_path: JsonObject = {field.alias: {} for field in route.dependant.path_params}
    channel: JsonObject = {
        "address": route.path,
        "title": route.name.replace("_", " ").capitalize(),
        "description": " ".join((route.endpoint.__doc__ or "").split()),
        "servers": [{"$ref": "#/servers/websocket"}],
        "messages": {name: {"$ref": f"{_MESSAGES}{name}"} for name in messages},
    }
    if in_path:
        channel["parameters"] = in_path
    if query:
        channel["bindings"] = {"ws": {"method": "GET", "query": {"type": "object", "properties": query}}}
    return channel


def _of_socketio(messages: list[str]) -> Json:
    return {
        "address": "/",
        "title": "Socket.IO",
        "description": "The default namespace; a message's name is that of its Socket.IO event",
        "servers": [{"$ref": "#/servers/socketio"}],
        "messages": {name: {"$ref": f"{_MESSAGES}{name}"} for name in messages},
    }


def _operation(channel: str, action: str, messages: Iterable[str]) -> Json:
    """`send` is what the server says, `receive` what it is told."""
    at = f"#/channels/{channel}"
    return {"action": action, "channel": {"$ref": at}, "messages": _refs(f"{at}/messages/", messages)}
