"""Hostile requests to every operation: what they are made of, and how they are made; the same ones every time."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from folkmoot.http.body import BODY_BYTES
from folkmoot.kernel.json import Json, dumps
from tests.house.operations import Operation, operations, schemas

JSON = {"Content-Type": "application/json"}
FORM = "application/x-www-form-urlencoded"
UNKNOWN = "0190f0f0-0000-7000-8000-000000000000"

BODIES = [
    b"",
    b"{",
    b'{"a": NaN}',
    b'{"a": -Infinity}',
    b'{"a": 1e999}',
    b'{"a": "\\ud800"}',
    b'{"a": "\\u0000"}',
    b'{"a": "\xff\xfe"}',
    b'{"a": "\xed\xa0\x80"}',
    b'{"a": "\xc0\xaf"}',
    b'{"a": "\xf4\x90\x80\x80"}',
    b'{"a": "x\x00y"}',
    b'{"a": 1}\x00',
    '{"a": 1}'.encode("utf-16"),
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": 01, "b": +1, "c": .5}',
    b'{"a": 1} // b',
    b'\xef\xbb\xbf{"a": 1}',
    b'{"a": 1} {"b": 2}',
    b'{"a": 1, "a": 2}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b"[" * 100_000,
    b'[{"a":' * 60 + b"1" + b"}]" * 60,
    b"null",
    b"true",
    b"-1",
    b'"text"',
    b"[]",
    b"[{}]",
    b"{}",
    b'{"__proto__": {}, "constructor": 1, "": 2}',
    b"{" + b",".join(b'"k%d": %d' % (number, number) for number in range(5000)) + b"}",
]
SELECTORS = ("workspace_id", "workspace_slug")
KINDS = [
    "",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/json; boundary=x, multipart/form-data",
    "application/xml",
    "application/json; charset=utf-16",
    "application/problem+json",
    "application/json, text/html",
    "\x7f/;;=",
]
VALUES: list[Json] = [
    *(None, True, -1, 0, 2**63 - 1, 1.5, 1e300),
    *("", " ", "\u202e\u0007\U0001f419", "'; drop table runs; --", "%s{0}${7*7}", "x" * 300, "x" * 120_000),
    *(
        "\u0430dmin\u200b\ufb01\uff0e\uff0e\uff0f",
        "Z" + "\u0301" * 200,
        "1e999",
        "0190f0f0-0000-7000-8000-00000000000g",
    ),
    *(-(2**63), 5e-324, False),
    [],
    [[]],
    ["x"] * 5000,
    [None],
    {},
    {"a": {"b": []}},
    {"x" * 300: "x" * 20_000},
    {f"{number}": [number] for number in range(3000)},
]
NAMES = [
    *("0", "-1", "1", "3", "99999", "9" * 40, "٤", "4.0", "null", "*", "{}", "new", "definitions"),
    *("..", "../../etc/passwd", "..\\..\\x", "%2e%2e%2f", "a/b", "a;b", "a\r\nX-Evil: 1", "\ufeff", "\U0001f419"),
    *("'; drop table runs; --", "' or '1'='1", '" or 1=1', "\x00", "\x7f", "x" * 256, "x" * 5000, "é" * 2000),
    *(
        " 0190f0f0-0000-7000-8000-000000000000",
        "{0190f0f0-0000-7000-8000-000000000000}",
        "0190F0F000007000800000000000",
    ),
]
QUERIES = [
    *(
        "",
        " ",
        "-1",
        "0",
        "1e999",
        "nan",
        "inf",
        "-0",
        "0x10",
        "9" * 30,
        "9007199254740993",
        "٤",
        "1_000",
        "true",
        "[]",
    ),
    *(
        "'; drop table runs; --",
        "\x00",
        "\ufffd",
        "x" * 5000,
        "*" * 400,
        '"' * 300,
        "NEAR(a b) OR AND ^",
        "%27",
        "\U0001f419",
    ),
]
HEADERS: list[dict[str, str] | dict[str, bytes] | dict[str, str | bytes]] = [
    *({"Idempotency-Key": value} for value in ("", " ", "x" * 300, "\xe9".encode("latin-1"), "'; --")),
    *({"Last-Event-ID": value} for value in ("", "-1", "x", "9" * 30, "1.5")),
    *({"X-Workspace-Id": value} for value in (" ", "x" * 5000, "' or 1=1", b"\xff", "default")),
    *({"X-Workspace-Slug": value} for value in (" ", "..", "x" * 5000, b"\xff", "DEFAULT")),
    *({"If-None-Match": value} for value in ("*", '"' * 300)),
    {"Content-Encoding": "gzip"},
    {"Content-Length": "-1"},
    {"Content-Length": "9" * 30},
    *({"Authorization": value} for value in ("Bearer", "Bearer x.y.z", "Basic eDp5", "Bearer " + "x" * 9000, b"\xff")),
    *({"X-API-Key": value} for value in ("", "fmk_x", "' or 1=1", "x" * 9000, b"\xff\xfe")),
    *({"Cookie": value} for value in ("folkmoot_access=x", "=;;=", "a=" + "x" * 9000, b"\xff")),
    {"X-HTTP-Method-Override": "DELETE"},
    {"Transfer-Encoding": "chunked"},
    {"Expect": "100-continue"},
    {f"X-Many-{number}": "x" * 20 for number in range(500)},
    {"X-Evil": "a\r\nX-Evil: 1"},
    {"Accept": "application/xml", "Accept-Encoding": "br", "Range": "bytes=0-"},
    {"X-Request-Id": "a\tb" * 100},
]
METHODS = ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "POST", "TRACE", "CONNECT", "BREW", "get", "X" * 300]
PATHS = [
    *(
        "//",
        "///api/runs",
        "/api//runs",
        "/api/v1/api/runs",
        "/API/RUNS",
        "/api/runs/..",
        "/api/runs;x=1",
        "/api/runs//",
    ),
    *("/api/v1", "/api", "/api/v2/runs", "/v1", "/ws", "/ws/runs/x", "/metrics", "/studio/", "/openapi.json/x"),
    *("/docs/assets/..%2f..%2f..%2fapp.py", "/docs/assets/%2e%2e/docs.py", "/docs/assets//etc/passwd", "/docs/assets/"),
    *("/docs/assets/" + "x" * 5000, "/docs/assets/%00", "/" + "a/" * 3000, "/%ff%fe", "/api/runs/%c0%ae%c0%ae"),
]


@dataclass(frozen=True)
class Hostile:
    """One request; `operation` where it is meant for one, by its method and path."""

    method: str
    path: str
    operation: Operation | None = None
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str | bytes] = field(default_factory=dict)
    body: bytes | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.query} {self.headers} {self.body!r}"[:400]


def addressed(operation: Operation, names: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda name: quote(names.get(name[1], UNKNOWN), safe=""), operation.path)


def to_bodies(operation: Operation, names: dict[str, str]) -> Iterator[Hostile]:
    """Bodies that are no JSON or not its object, cut or doubled, of wrong kinds, and too large ones."""
    path, example = addressed(operation, names), dumps(example_of(operation)).encode()
    cut = (example[: len(example) * part // 4] for part in (1, 2, 3))
    doubled = example[:-1] + b"," + example[1:]
    for body in (*BODIES, *cut, doubled, b" " * (BODY_BYTES + 1)):
        yield Hostile(operation.method, path, operation, headers={**JSON}, body=body)
    for kind in KINDS:
        yield Hostile(operation.method, path, operation, headers={"Content-Type": kind}, body=example)
    for kind, body in form_of(example_of(operation)).items():
        yield Hostile(operation.method, path, operation, headers={"Content-Type": kind}, body=body)


def to_properties(operation: Operation, names: dict[str, str]) -> Iterator[Hostile]:
    """The example with one property after the other, however deep, replaced by what it cannot be."""
    path, example = addressed(operation, names), example_of(operation)
    places: list[tuple[str | int, ...]] = [
        (name,) for name in (*schema_of(operation).get("properties", {}), "unheard_of")
    ]
    for place in (*places, *deeper(example)):
        for value in VALUES:
            kind, body = sent(operation, replaced(example, place, value))
            yield Hostile(operation.method, path, operation, headers={"Content-Type": kind}, body=body)


def to_names(operation: Operation, names: dict[str, str]) -> Iterator[Hostile]:
    """Each name in the path replaced by what is none."""
    body = dumps(example_of(operation)).encode() if operation.media("body") else None
    for name in re.findall(r"{(\w+)}", operation.path):
        for value in NAMES:
            path = addressed(operation, {**names, name: value})
            yield Hostile(operation.method, path, operation, headers={**JSON} if body else {}, body=body)


def to_queries(operation: Operation, names: dict[str, str]) -> Iterator[Hostile]:
    path = addressed(operation, names)
    body = dumps(example_of(operation)).encode() if operation.media("body") else None
    headers: dict[str, str | bytes] = {**JSON} if body else {}
    for given in operation.said.get("parameters", ()):
        is_tried = given["in"] == "query" and (given["name"] not in SELECTORS or operation.id == "list_runs")
        for value in QUERIES if is_tried else ():
            yield Hostile(operation.method, path, operation, {given["name"]: value}, headers, body)


def to_headers(operation: Operation, names: dict[str, str]) -> Iterator[Hostile]:
    path = addressed(operation, names)
    body = dumps(example_of(operation)).encode() if operation.media("body") else None
    for headers in HEADERS:
        sent: dict[str, str | bytes] = {**(JSON if body else {})}
        sent.update(headers)
        yield Hostile(operation.method, path, operation, headers=sent, body=body)


def to_methods(operation: Operation, names: dict[str, str]) -> Iterator[Hostile]:
    for method in METHODS:
        yield Hostile(method, addressed(operation, names))


def form_of(example: dict[str, Json]) -> dict[str, bytes]:
    """The example as a browser's form would send it."""
    part = '--x\r\nContent-Disposition: form-data; name="{}"; filename="../{}"\r\n\r\n{}\r\n'
    parts = "".join(part.format(name, name, dumps(value)) for name, value in example.items())
    return {
        FORM: urlencode({name: dumps(value) for name, value in example.items()}).encode(),
        "multipart/form-data; boundary=x": f"{parts}--x--\r\n".encode(),
    }


def deeper(value: Json, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The places below the first level."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        if at:
            yield (*at, name)
        yield from deeper(item, (*at, name))


def replaced(value: Json, place: tuple[str | int, ...], by: Json) -> Json:
    """A copy with another value at the place."""
    if not place:
        return by
    name, *rest = place
    if isinstance(value, dict):
        return {**value, str(name): replaced(value.get(str(name)), tuple(rest), by)}
    assert isinstance(value, list)
    return [replaced(item, tuple(rest), by) if number == name else item for number, item in enumerate(value)]


def schema_of(operation: Operation) -> dict[str, Any]:
    [media, *_] = operation.media("body").values()
    schema = media["schema"]
    named = next((part["$ref"] for part in (schema, *schema.get("anyOf", ())) if "$ref" in part), "")
    found: dict[str, Any] = schemas()[named.rpartition("/")[2]] if named else schema
    return found


def example_of(operation: Operation) -> dict[str, Json]:
    """The body that OpenAPI shows, else a word for each property; the things it names are unknown here."""
    [media, *_] = operation.media("body").values()
    found: dict[str, Json] = media.get("example") or dict.fromkeys(schema_of(operation)["properties"], "a")
    return found


def sent(operation: Operation, value: Json) -> tuple[str, bytes]:
    """The value in the operation's own media type."""
    [kind, *_] = operation.media("body")
    if kind == FORM:
        assert isinstance(value, dict)
        return kind, urlencode(
            {name: item if isinstance(item, str) else dumps(item) for name, item in value.items()}
        ).encode()
    return kind, dumps(value).encode()


def ways() -> dict[str, tuple[Callable[[Operation, dict[str, str]], Iterator[Hostile]], list[Operation]]]:
    """Each way to be hostile, and to which operations."""
    every = operations()
    with_body = [operation for operation in every if operation.media("body")]
    one_of_each_kind = {(*operation.said["tags"], operation.method): operation for operation in every}
    return {
        "bodies": (to_bodies, with_body),
        "properties": (to_properties, with_body),
        "names": (to_names, every),
        "queries": (to_queries, every),
        "headers": (to_headers, [*one_of_each_kind.values()]),
        "methods": (to_methods, every),
    }
