"""Any JSON Schema filled with valid content: a draft where there is one, else what the prompt offers."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from folkmoot.kernel.json import Json, JsonObject, canonical
from folkmoot.llm.practice.pattern import text_for_pattern

_MAX_DEPTH = 8  # below it only what is required, so that a schema that contains itself ends
_MAX_ITEMS = 200
_LONG_TEXT = frozenset({"text", "content", "body", "answer", "summary", "response", "result", "output", "message"})
_OFTEN_EMPTY = re.compile(
    r"issue|finding|error|risk|assumption|warning|responds|evidence|depend|question|citation|missing"
)
_FORMATS: Final = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "duration": "PT1H",
    "email": "practice@example.org",
    "hostname": "example.org",
    "uri": "https://example.org/",
    "url": "https://example.org/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_IMPLIED: Final = {
    "properties": "object",
    "additionalProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minimum": "number",
    "maximum": "number",
}


@dataclass(frozen=True)
class Material:
    """What to fill with: the body of an answer, short phrases, and lists by the name of what they list."""

    body: str
    phrases: Sequence[str]
    lists: dict[str, list[str]]


class Filler:
    """Fills one schema; `draft` values are taken wherever they fit the schema at their place."""

    def __init__(self, schema: JsonObject, material: Material) -> None:
        self._root = schema
        self._material = material
        self._said = 0

    def fill(self, draft: Json = None) -> Json:
        return self._value(self._root, draft, "", 0)

    def _value(self, schema: Json, draft: Json, name: str, depth: int) -> Json:
        schema = self._resolved(schema, draft)
        if "const" in schema:
            return schema["const"]
        options = schema.get("enum")
        if isinstance(options, list) and options:
            return self._option(options, draft)
        match _chosen_type(schema, draft):
            case "object":
                return self._object(schema, draft, depth)
            case "array":
                return self._array(schema, draft, name, depth)
            case "string":
                return self._string(schema, draft, name)
            case "integer" | "number" as kind:
                return _number(schema, draft, is_whole=kind == "integer")
            case "boolean":
                return draft if isinstance(draft, bool) else bool(schema.get("default", False))
            case _:
                return None

    def _resolved(self, schema: Json, draft: Json, hops: int = 0) -> JsonObject:
        """References followed, alternatives chosen (of the draft's type, else the first), allOf merged."""
        if not isinstance(schema, dict) or hops > 20:
            return {}
        reference = schema.get("$ref")
        if isinstance(reference, str):
            rest: JsonObject = {key: value for key, value in schema.items() if key != "$ref"}
            return self._resolved({**self._at(reference), **rest}, draft, hops + 1)
        for key in ("anyOf", "oneOf"):
            options = schema.get(key)
            if isinstance(options, list) and options:
                rest = {other: value for other, value in schema.items() if other != key}
                return {**rest, **self._resolved(self._alternative(options, draft), draft, hops + 1)}
        parts = schema.get("allOf")
        if isinstance(parts, list):
            merged: JsonObject = {key: value for key, value in schema.items() if key != "allOf"}
            for part in parts:
                merged = _merged(merged, self._resolved(part, draft, hops + 1))
            return merged
        return schema

    def _at(self, reference: str) -> JsonObject:
        place: Json = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            if step and isinstance(place, dict):
                place = place.get(step.replace("~1", "/").replace("~0", "~"))
        return place if isinstance(place, dict) else {}

    def _alternative(self, options: list[Json], draft: Json) -> Json:
        resolved = [self._resolved(option, draft) for option in options]
        if draft is not None:
            for option in resolved:
                if _type_of(draft) in _types(option):
                    return option
        return next((option for option in resolved if "null" not in _types(option)), resolved[0])

    def _option(self, options: list[Json], draft: Json) -> Json:
        """The draft if it is one, else the option the prompt speaks of, else the first."""
        if draft in options:
            return draft
        said = " ".join([self._material.body, *self._material.phrases]).lower()
        named = (option for option in options if isinstance(option, str) and len(option) > 2)
        return next((option for option in named if option.lower() in said), options[0])

    def _object(self, schema: JsonObject, draft: Json, depth: int) -> JsonObject:
        given = draft if isinstance(draft, dict) else {}
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        listed = schema.get("required")
        required = [key for key in listed if isinstance(key, str)] if isinstance(listed, list) else []
        wanted = required if depth >= _MAX_DEPTH else list(dict.fromkeys([*properties, *required]))
        filled: JsonObject = {
            key: self._value(properties.get(key, {}), given.get(key), key, depth + 1)
            for key in wanted
            if not _stays_null(properties.get(key), given, key)
        }
        filled |= {key: None for key in wanted if key not in filled}
        others = schema.get("additionalProperties", not properties)
        if others is not False:
            kind = others if isinstance(others, dict) else {}
            for key, value in given.items():
                if key not in filled:
                    filled[key] = self._value(kind, value, key, depth + 1) if kind else value
            least = schema.get("minProperties", 0)
            for number in range(len(filled), least if isinstance(least, int) else 0):
                filled[f"item_{number + 1}"] = self._value(kind, None, "", depth + 1)
        return filled

    def _array(self, schema: JsonObject, draft: Json, name: str, depth: int) -> list[Json]:
        least, most = (
            _whole(schema.get("minItems"), 0),
            min(_whole(schema.get("maxItems"), _MAX_ITEMS), _MAX_ITEMS),
        )
        prefix, kind = schema.get("prefixItems"), schema.get("items", {})
        kinds = prefix if isinstance(prefix, list) else []
        drafts = self._drafts(schema, draft, name, depth)
        filled: list[Json] = []
        seen: set[bytes] = set()
        is_set = schema.get("uniqueItems") is True
        for number in range(max(least, min(len(drafts), most), len(kinds))):
            given = drafts[number] if number < len(drafts) else None
            item = self._value(kinds[number] if number < len(kinds) else kind, given, name, depth + 1)
            for again in range(2, 100):
                if not is_set or canonical(item) not in seen:
                    break
                item = self._value(kind, _another(item, again), name, depth + 1)
            seen.add(canonical(item))
            filled.append(item)
        return filled

    def _drafts(self, schema: JsonObject, draft: Json, name: str, depth: int) -> list[Json]:
        if isinstance(draft, list):
            return draft
        if isinstance(draft, str | dict) and draft:
            return [draft]
        listed = self._material.lists.get(name)
        if listed is not None:
            return [*listed]
        if _OFTEN_EMPTY.search(name) or depth >= _MAX_DEPTH:
            return []
        is_text = "string" in _types(self._resolved(schema.get("items", {}), None))
        return [*self._material.phrases[:3]] if is_text else [None]

    def _string(self, schema: JsonObject, draft: Json, name: str) -> str:
        least, most = _whole(schema.get("minLength"), 0), _whole(schema.get("maxLength"), 1_000_000)
        pattern, form = schema.get("pattern"), schema.get("format")
        text = "\n".join(str(item) for item in draft) if isinstance(draft, list) else draft
        if not isinstance(text, str):
            text = str(text) if isinstance(text, int | float) else self._phrase(name)
        if isinstance(form, str) and form in _FORMATS and not (isinstance(draft, str) and draft):
            text = _FORMATS[form]
        if len(text) < least:
            text = (text or "practice") + " practice" * ((least - len(text)) // 9 + 1)
        text = text[:most].strip() if len(text[:most].strip()) >= least else text[:most]
        if isinstance(pattern, str) and not _fits(pattern, text):
            slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]
            text = slug if slug and _fits(pattern, slug) else text_for_pattern(pattern, least) or text
        return text

    def _phrase(self, name: str) -> str:
        if name in _LONG_TEXT:
            return self._material.body
        if not self._material.phrases:
            return "practice"
        self._said += 1
        return self._material.phrases[(self._said - 1) % len(self._material.phrases)]


def _stays_null(schema: Json, given: JsonObject, key: str) -> bool:
    """Whether a null that was drafted may stay one."""
    options = schema.get("anyOf") if isinstance(schema, dict) else None
    return key in given and given[key] is None and isinstance(options, list) and {"type": "null"} in options


def _number(schema: JsonObject, draft: Json, *, is_whole: bool) -> int | float:
    """The draft, else a middling value; put into range and onto the step the schema asks for."""
    least, most = _bounds(schema)
    if isinstance(draft, int | float) and not isinstance(draft, bool) and math.isfinite(draft):
        value = float(draft)
    elif math.isfinite(least) and math.isfinite(most):
        value = least + (most - least) / 2
    else:
        value = max(least, min(1.0, most))
    step = schema.get("multipleOf")
    size = float(step) if isinstance(step, int | float) and step > 0 else float(is_whole)
    span = most - least if math.isfinite(most - least) else 2.0
    margin = size or span / 1000
    low = least + margin * (least == schema.get("exclusiveMinimum"))
    high = most - margin * (most == schema.get("exclusiveMaximum"))
    value = min(max(value, low), high)
    if size:
        value = math.ceil(value / size) * size
        value = value - size if value > high else value
    return int(value) if is_whole else round(value, 6)


def _bounds(schema: JsonObject) -> tuple[float, float]:
    least = [schema.get(key) for key in ("minimum", "exclusiveMinimum")]
    most = [schema.get(key) for key in ("maximum", "exclusiveMaximum")]
    return (
        max((float(bound) for bound in least if isinstance(bound, int | float)), default=-math.inf),
        min((float(bound) for bound in most if isinstance(bound, int | float)), default=math.inf),
    )


def _chosen_type(schema: JsonObject, draft: Json) -> str:
    types = _types(schema)
    if draft is not None and _type_of(draft) in types:
        return _type_of(draft)
    return next((kind for kind in types if kind != "null"), "null")


def _types(schema: JsonObject) -> list[str]:
    kind = schema.get("type")
    if isinstance(kind, str):
        return [kind]
    if isinstance(kind, list):
        return [item for item in kind if isinstance(item, str)]
    if "const" in schema:
        return [_type_of(schema["const"])]
    options = schema.get("enum")
    if isinstance(options, list):
        return list(dict.fromkeys(_type_of(option) for option in options))
    for key, implied in _IMPLIED.items():
        if key in schema:
            return [implied]
    return ["string"]


def _type_of(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _merged(one: JsonObject, other: JsonObject) -> JsonObject:
    """Both schemas' demands, where they are of the kinds that add up."""
    merged = {**one, **other}
    ours, theirs = one.get("properties"), other.get("properties")
    if isinstance(ours, dict) and isinstance(theirs, dict):
        merged["properties"] = {**ours, **theirs}
    wanted, also = one.get("required"), other.get("required")
    if isinstance(wanted, list) and isinstance(also, list):
        merged["required"] = [*wanted, *also]
    return merged


def _another(item: Json, number: int) -> Json:
    """A value unlike `item`, for lists whose members have to differ."""
    match item:
        case str():
            return f"{item} {number}"
        case int() | float():
            return item + number - 1
        case _:
            return item


def _whole(value: Json, default: int) -> int:
    return value if isinstance(value, int) and value >= 0 else default


def _fits(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True
