"""Every event type in one place, collected from the Fact classes the rooms declare: for docs, schemas and UI types."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, TypeAdapter

from folkmoot.kernel.facts import PART, REFERENCES, SHOWS, Fact
from folkmoot.kernel.json import Json, JsonObject, dumps

PLACE = "#/components/schemas/"
_PART = "Part"
_AS_ANSWERED: Literal["serialization"] = "serialization"
_NULL: JsonObject = {"type": "null"}

Resources = Mapping[str, type[BaseModel]]
"""What shows a resource on the wire, by the name that `resource_changed` and `Shows` have for it."""


def fact_types() -> dict[str, type[Fact]]:
    """Wire name to class, for every fact of every room that is imported."""
    ours = (fact for fact in _subclasses(Fact) if fact.__module__.startswith("folkmoot."))
    return {fact.type: fact for fact in sorted(ours, key=lambda fact: fact.type)}


def _subclasses(of: type[Fact]) -> Iterator[type[Fact]]:
    for subclass in of.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def data_schemas(resources: Resources) -> tuple[dict[str, JsonObject], dict[str, JsonObject]]:
    """The JSON Schema of every event type's `data`, by type, and the named schemas they refer to.

    They refer to PLACE. A field that shows a resource says so in `x-shows`, one that shows a part of it in `x-part`
    too. Data that was too long to keep has `truncated: true`, and then strings are cut or members missing.
    """
    facts = fact_types()
    types: dict[str, type[Fact | BaseModel]] = {**facts, **{PLACE + name: view for name, view in resources.items()}}
    asked = [(name, _AS_ANSWERED, TypeAdapter(shown)) for name, shown in types.items()]
    made, rest = TypeAdapter.json_schemas(asked, ref_template=PLACE + "{model}")
    named: dict[str, JsonObject] = rest.get("$defs", {})
    shown = {name: made[PLACE + name, _AS_ANSWERED] for name in resources}
    for schema in shown.values():
        name = str(schema["$ref"]).removeprefix(PLACE)
        named[name + _PART] = {key: value for key, value in named[name].items() if key not in ("required", "examples")}
    found = {}
    for name, fact in facts.items():
        schema = _own(named, made[name, _AS_ANSWERED])
        found[name] = _data(fact, schema, {name: str(shown[name]["$ref"]) for name in shown})
    told = dumps([*found.values()])
    return found, {name: schema for name, schema in named.items() if not name.endswith(_PART) or f'{name}"' in told}


def _own(named: dict[str, JsonObject], schema: JsonObject) -> JsonObject:
    """A fact's schema, wherever pydantic has put it."""
    ref = schema.get("$ref")
    return named.pop(ref.removeprefix(PLACE)) if isinstance(ref, str) else schema


def _data(fact: type[Fact], schema: JsonObject, shown: Mapping[str, str]) -> JsonObject:
    said = schema.get("properties")
    properties = said if isinstance(said, dict) else {}
    names = [field.name for field in dataclasses.fields(fact) if field.name not in REFERENCES]
    always = [name for name in names if name in properties]
    data: JsonObject = {
        "type": "object",
        "description": str(schema.get("description", "")),
        "required": [*always],
        "properties": {name: _resolved(properties[name], shown) for name in always} | {"truncated": {"const": True}},
    }
    if any(_shows_anything(properties[name]) for name in always):
        data["oneOf"] = [_of_resource(name, ref) for name, ref in shown.items()]
    return data


def _resolved(schema: Json, shown: Mapping[str, str]) -> Json:
    """With what a field shows in place of its mark."""
    match schema:
        case dict() if isinstance(name := schema.get(SHOWS), str):
            ref = shown[name] + (_PART if schema[PART] else "")
            marks: JsonObject = {SHOWS: name, **({PART: True} if schema[PART] else {})}
            return {"allOf": [{"$ref": ref}], **marks}
        case dict() if SHOWS in schema:
            return {"type": "object"}
        case dict():
            return {key: _resolved(value, shown) for key, value in schema.items()}
        case list():
            return [_resolved(item, shown) for item in schema]
        case _:
            return schema


def _shows_anything(schema: Json) -> bool:
    """Whether the field shows what another field names."""
    if not isinstance(schema, dict):
        return False
    either = schema.get("anyOf")
    options = either if isinstance(either, list) else []
    return (SHOWS in schema and schema[SHOWS] is None) or any(_shows_anything(option) for option in options)


def _of_resource(name: str, ref: str) -> Json:
    view: JsonObject = {"anyOf": [{"$ref": ref}, _NULL], SHOWS: name}
    return {"properties": {"resource": {"const": name}, "view": view}}
