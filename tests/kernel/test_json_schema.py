"""Values checked against schemas that came as data, from anyone."""

import pytest

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.json_schema import errors_of

TREE: JsonObject = {
    "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "required": ["id"]}},
    "$ref": "#/$defs/node",
}


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "string"}, "a", []),
        ({"type": "string"}, 1, [([], "string_type")]),
        ({"type": ["string", "null"]}, None, []),
        ({"type": "integer"}, True, [([], "integer_type")]),
        ({"type": "integer"}, 2.0, []),
        ({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, 1, [([], "out_of_range")]),
        ({"enum": [1, "a"]}, True, [([], "enum")]),
        ({"const": "x"}, "y", [([], "const")]),
        ({"type": "array", "items": {"type": "string"}}, ["a", 2], [([1], "string_type")]),
        ({"type": "array", "minItems": 2, "maxItems": 3}, ["a"], [([], "too_short")]),
        ({"required": ["a"]}, {"b": 1}, [(["a"], "missing")]),
        ({"additionalProperties": False}, {"b": 1}, [(["b"], "extra_forbidden")]),
        ({"additionalProperties": {"type": "string"}}, {"b": 1}, [(["b"], "string_type")]),
        ({"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]}, 1, [([], "out_of_range")]),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, 1, [([], "one_of")]),
        ({"allOf": [{"minLength": 2}, {"maxLength": 3}]}, "abcd", [([], "too_long")]),
        (TREE, {"id": 1, "next": {"id": 2, "next": {}}}, [(["next", "next", "id"], "missing")]),
        ({"$ref": "#/nowhere"}, 1, []),
        ({"$ref": "#"}, 1, []),
        ({"properties": {"a": False}}, {"a": 1}, [(["a"], "extra_forbidden")]),
        ({"properties": "odd", "required": "odd", "anyOf": 7, "enum": 3, "type": 9}, {"a": 1}, []),
    ],
)  # fmt: skip
def test_values_are_checked_against_schemas(
    schema: JsonObject, value: Json, expected: list[tuple[list[Json], str]]
) -> None:
    found = [(error["loc"], error["type"]) for error in errors_of(schema, value)]
    assert found == expected


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema: JsonObject = {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    assert [error["type"] for error in errors_of(schema, 1)] == ["too_complex"]


def test_a_schema_that_branches_without_end_ends() -> None:
    again: Json = {"$ref": "#/$defs/a"}
    schema: JsonObject = {"$defs": {"a": {"anyOf": [again, again, again]}}, "$ref": "#/$defs/a"}
    assert [error["type"] for error in errors_of(schema, 1)] == ["too_complex"]


def test_errors_are_bounded() -> None:
    value: Json = [1] * 1000
    assert len(errors_of({"items": {"type": "string"}}, value)) == 20
