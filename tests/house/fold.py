"""What a client makes of events: a pure fold over what the API has shown. docs/events.md has the same rules."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from folkmoot.events.registry import PLACE, data_schemas
from folkmoot.kernel.facts import PART, SHOWS
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.json_schema import errors_of
from folkmoot.realtime.resources import RESOURCES

State = Mapping[str, Mapping[str, JsonObject]]
"""Resource, then key, then what the API shows of it."""

KEYS = {
    "agent_status": "agent_id",
    "context": "context_id",
    "debate": "debate_id",
    "member": "user_id",
    "secret": "name",
    "tool": "name",
}
"""By what a resource is known where that is not `id`."""

GO_WITH = {
    "project": (
        "project_id",
        (
            *("agent", "approval", "context", "conversation", "debate", "document", "run", "schedule", "task", "team"),
            *("room", "webhook"),
        ),
    ),
    "run": ("run_id", ("approval", "debate")),
    "agent": ("agent_id", ("agent_status", "context", "conversation", "message")),
    "conversation": ("conversation_id", ("message",)),
    "room": ("room_id", ("document", "room_member", "room_message")),
}
"""What goes with a thing that is deleted: all of these that name it. Everything goes with a workspace."""

TOTALS: JsonObject = {
    **dict.fromkeys(("task_count", "success_count", "error_count"), 0),
    **dict.fromkeys(("success_rate", "avg_task_duration"), 0.0),
    "last_active_at": None,
}
"""What a new agent begins with."""

OF_RUN = {"completion": "results", "failure": "results", "cancelled": "results", "plan_ready": "plan"}
"""Events that tell a member of their run by its name, where the run is known: a reply's is not told."""


class Truncated(Exception):
    """The data was cut: the API is to be asked."""


def key_of(resource: str, view: JsonObject) -> str:
    return str(view[KEYS.get(resource, "id")])


@cache
def _schemas() -> tuple[dict[str, JsonObject], JsonObject]:
    """As /asyncapi.json has them: of each event type's `data`, and the components to which they refer."""
    assert PLACE == "#/components/schemas/"
    schemas, named = data_schemas(RESOURCES)
    return schemas, {"schemas": {**named}}


def errors_in(frame: JsonObject) -> list[JsonObject]:
    """What in the event's data is not as its type's schema says."""
    schemas, components = _schemas()
    return errors_of({**schemas[str(frame["event_type"])], "components": components}, frame["data"])


def fold(state: State, frame: JsonObject) -> State:
    """The state after one event."""
    kind, data = str(frame["event_type"]), frame["data"]
    assert isinstance(data, dict)
    if "truncated" in data:
        raise Truncated(kind)
    if kind == "resource_changed":
        return _changed(state, data)
    for name, resource, is_part in _shown(_schemas()[0][kind]):
        view = data[name]
        if isinstance(view, dict):
            state = _merged(state, resource, view, is_part=is_part)
    if kind in OF_RUN and frame["run_id"] in state["run"]:
        told = {"id": frame["run_id"], OF_RUN[kind]: data[OF_RUN[kind]]}
        state = _merged(state, "run", told, is_part=True)
    return state


def _shown(schema: JsonObject) -> Iterator[tuple[str, str, bool]]:
    """The fields that show a resource: which, and whether only a part of it."""
    properties: Any = schema["properties"]
    for name, said in properties.items():
        for option in (said, *said.get("anyOf", ())):
            if SHOWS in option:
                yield name, option[SHOWS], PART in option


def _changed(state: State, data: JsonObject) -> State:
    resource, id, view = str(data["resource"]), str(data["id"]), data["view"]
    if not isinstance(view, dict):
        return {name: {} for name in state} if resource == "workspace" else _without(state, resource, id)
    if resource == "agent" and id not in state["agent"]:
        state = _merged(state, "agent_status", {"agent_id": id, **TOTALS}, is_part=False)
    return _merged(state, resource, view, is_part=False)


def _merged(state: State, resource: str, view: JsonObject, *, is_part: bool) -> State:
    key = key_of(resource, view)
    known = state[resource].get(key, {}) if is_part else {}
    return {**state, resource: {**state[resource], key: {**known, **view}}}


def _without(state: State, resource: str, id: str) -> State:
    state = {**state, resource: {key: view for key, view in state[resource].items() if key != id}}
    reference, names = GO_WITH.get(resource, ("", ()))
    for name in names:
        for key in [key for key, view in state[name].items() if view.get(reference) == id]:
            state = _without(state, name, key)
    return state
