"""JSON Schemas as servers take them that turn them into a grammar, one rule for every repetition they allow."""

from folkmoot.kernel.json import Json, JsonObject

MAX_BOUND = 300
"""Longest repetition spelt out. llama.cpp refuses a grammar with 1,000 to 2,000; llama-cpp-python dies of it."""

_BOUNDS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_VALUES = ("const", "default", "enum", "examples")


def without_long_bounds(schema: JsonObject) -> JsonObject:
    """The schema without the bounds no grammar can hold: whoever reads the answer has to check them anyway."""
    return {
        keyword: inner if keyword in _VALUES else _inside(inner)
        for keyword, inner in schema.items()
        if not (keyword in _BOUNDS and isinstance(inner, int | float) and inner > MAX_BOUND)
    }


def _inside(value: Json) -> Json:
    match value:
        case dict():
            return without_long_bounds(value)
        case list():
            return [_inside(inner) for inner in value]
        case _:
            return value
