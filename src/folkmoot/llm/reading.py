"""JSON as language models and their servers write it: nearly valid, and never to be trusted."""

import json
from typing import Never

from folkmoot.kernel.json import Json, clean_json, loads

_DEEPEST = 200  # levels; what is nested deeper is an attack or a runaway, and would exhaust the stack of a reader


def lenient_loads(text: str | bytes) -> Json:
    """JSON, with the lone surrogates some servers write where a stream cuts a character; else ValueError."""
    try:
        return loads(text)
    except ValueError:
        raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
        if b"\\ud" not in raw.lower():
            raise
    try:
        value: Json = json.loads(text, parse_constant=refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return cleaned(value)


def cleaned(value: Json) -> Json:
    """The value as databases and clients can hold it; raises ValueError if it is nested too deeply."""
    level: list[Json] = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _members(outer)]
        if not level:
            return clean_json(value)
    raise ValueError("nested too deeply")


def refuse_constant(constant: str) -> Never:
    raise ValueError(f"{constant} is not JSON")


def _members(value: Json) -> list[Json]:
    match value:
        case dict():
            return [inner for inner in value.values() if isinstance(inner, dict | list)]
        case list():
            return [inner for inner in value if isinstance(inner, dict | list)]
        case _:
            return []
