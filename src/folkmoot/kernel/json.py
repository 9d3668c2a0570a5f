"""The JSON type and the one way to write it: orjson, with a canonical form for hashes."""

from typing import TypeAlias

import orjson
from typing_extensions import TypeAliasType

# A named alias, so that SQLAlchemy and pydantic can read the recursion.
Json = TypeAliasType("Json", "dict[str, Json] | list[Json] | str | int | float | bool | None")
JsonObject: TypeAlias = dict[str, Json]

LARGEST_INTEGER = 2**53
"""Up to here every reader of JSON has whole numbers exactly: the most that numbers and cursors from outside may be."""


def dumps(value: object) -> str:
    return orjson.dumps(value).decode()


def loads(text: str | bytes) -> Json:
    """Raises ValueError on anything that is not JSON, NaN and Infinity included."""
    value: Json = orjson.loads(text)
    return value


def canonical(value: object) -> bytes:
    """The same bytes for equal values: keys sorted, no white space."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def clean_text(text: str) -> str:
    """Text both databases and every client can hold: no NUL, no lone surrogates."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def clean_json(value: Json) -> Json:
    """`clean_text` on every string and key of a value that came from outside."""
    match value:
        case str():
            return clean_text(value)
        case dict():
            return {clean_text(key): clean_json(item) for key, item in value.items()}
        case list():
            return [clean_json(item) for item in value]
        case _:
            return value
