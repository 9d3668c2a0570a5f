"""Checking a value against a JSON Schema that came as data: an agent's configuration, a structured answer.

The part of the language that definitions and agents use; `pattern` and `format` are not evaluated, because
a pattern from outside could hold up the process.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from folkmoot.kernel.json import Json, JsonObject

_DEPTH = 64
_STEPS = 50_000
_MOST_ERRORS = 20


@dataclass(slots=True)
class _Root:
    """The whole schema, and how many steps may still be made: one that refers to itself can branch without end."""

    schema: JsonObject
    steps: int = _STEPS


Place = tuple[str | int, ...]
Error = tuple[Place, str, str]


def errors_of(schema: JsonObject, value: Json) -> list[JsonObject]:
    """What does not fit, as {loc, msg, type}, at most 20; empty where all does."""
    found: list[JsonObject] = []
    for place, message, kind in _check(schema, value, (), _Root(schema), _DEPTH):
        found.append({"loc": [*place], "msg": message, "type": kind})
        if len(found) == _MOST_ERRORS:
            break
    return found


def _check(schema: Json, value: Json, place: Place, root: _Root, depth: int) -> Iterator[Error]:
    if schema is False:
        yield place, "Nothing is allowed here", "extra_forbidden"
    if not isinstance(schema, dict):
        return
    root.steps -= 1
    if depth == 0 or root.steps < 0:
        yield place, "Too deep or too large to be checked", "too_complex"
        return
    ref = schema.get("$ref")
    if isinstance(ref, str):
        yield from _check(_resolved(ref, root.schema), value, place, root, depth - 1)
    yield from _type(schema, value, place)
    yield from _values(schema, value, place)
    yield from _combined(schema, value, place, root, depth)
    match value:
        case dict():
            yield from _object(schema, value, place, root, depth)
        case list():
            yield from _array(schema, value, place, root, depth)
        case str():
            yield from _bounds(schema, len(value), ("minLength", "maxLength"), place, "characters")
        case int() | float() if not isinstance(value, bool):
            yield from _number(schema, value, place)
        case _:
            pass


def _resolved(ref: str, root: JsonObject) -> Json:
    """What a local reference names; anything else allows everything."""
    found: Json = root
    for step in ref.removeprefix("#/").split("/") if ref.startswith("#/") else ():
        found = found.get(step, True) if isinstance(found, dict) else True
    return found if found is not root else True


_TYPES: dict[str, Callable[[Json], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    ),
}


def _type(schema: JsonObject, value: Json, place: Place) -> Iterator[Error]:
    wanted = schema.get("type")
    names = [name for name in (wanted if isinstance(wanted, list) else [wanted]) if isinstance(name, str)]
    known = [name for name in names if name in _TYPES]
    if known and not any(_TYPES[name](value) for name in known):
        yield place, f"Should be of type {' or '.join(known)}", f"{known[0]}_type"


def _values(schema: JsonObject, value: Json, place: Place) -> Iterator[Error]:
    allowed = schema.get("enum")
    if isinstance(allowed, list) and not any(_same(value, item) for item in allowed):
        yield place, f"Should be one of {', '.join(map(str, allowed))}", "enum"
    if "const" in schema and not _same(value, schema["const"]):
        yield place, f"Should be {schema['const']}", "const"


def _same(one: Json, other: Json) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _combined(schema: JsonObject, value: Json, place: Place, root: _Root, depth: int) -> Iterator[Error]:
    for part in _list(schema.get("allOf")):
        yield from _check(part, value, place, root, depth - 1)
    for name in ("anyOf", "oneOf"):
        tried = [list(_check(part, value, place, root, depth - 1)) for part in _list(schema.get(name))]
        fitting = [errors for errors in tried if not errors]
        if tried and not fitting:
            # Of several shapes the one that came nearest says best what is wrong.
            yield from min(tried, key=_distance)
        if name == "oneOf" and len(fitting) > 1:
            yield place, "Fits more than one of the allowed shapes", "one_of"


def _distance(errors: list[Error]) -> tuple[bool, int]:
    return any(kind.endswith("_type") for _, _, kind in errors), len(errors)


def _object(schema: JsonObject, value: JsonObject, place: Place, root: _Root, depth: int) -> Iterator[Error]:
    known = schema.get("properties")
    properties = known if isinstance(known, dict) else {}
    for name in _list(schema.get("required")):
        if isinstance(name, str) and name not in value:
            yield (*place, name), "Field required", "missing"
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in properties:
            yield from _check(properties[name], item, (*place, name), root, depth - 1)
        elif others is False:
            yield (*place, name), "Extra inputs are not permitted", "extra_forbidden"
        else:
            yield from _check(others, item, (*place, name), root, depth - 1)
    yield from _bounds(schema, len(value), ("minProperties", "maxProperties"), place, "members")


def _array(schema: JsonObject, value: list[Json], place: Place, root: _Root, depth: int) -> Iterator[Error]:
    yield from _bounds(schema, len(value), ("minItems", "maxItems"), place, "items")
    items = schema.get("items", True)
    for index, item in enumerate(value):
        yield from _check(items, item, (*place, index), root, depth - 1)


def _bounds(schema: JsonObject, size: int, names: tuple[str, str], place: Place, what: str) -> Iterator[Error]:
    least, most = schema.get(names[0]), schema.get(names[1])
    if isinstance(least, int) and size < least:
        yield place, f"Should have at least {least} {what}", "too_short"
    if isinstance(most, int) and size > most:
        yield place, f"Should have at most {most} {what}", "too_long"


def _number(schema: JsonObject, value: float, place: Place) -> Iterator[Error]:
    rules: tuple[tuple[str, Callable[[float, float], bool], str], ...] = (
        ("minimum", lambda bound, number: number >= bound, "at least"),
        ("maximum", lambda bound, number: number <= bound, "at most"),
        ("exclusiveMinimum", lambda bound, number: number > bound, "more than"),
        ("exclusiveMaximum", lambda bound, number: number < bound, "less than"),
    )
    for name, holds, words in rules:
        bound = schema.get(name)
        if isinstance(bound, int | float) and not isinstance(bound, bool) and not holds(bound, value):
            yield place, f"Should be {words} {bound}", "out_of_range"


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
