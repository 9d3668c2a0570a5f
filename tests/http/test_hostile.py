"""Hostile requests to every operation: each gets a small problem document or a plain answer, never a bug."""

import os
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient, Response

from folkmoot.http.body import BODY_BYTES
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, dumps
from tests.house.operations import OPERATIONS, SCHEMAS, Operation
from tests.house.places import Place, furnish, unknown_names

JSON = {"Content-Type": "application/json"}
LARGEST = 20_000
ANYWHERE = ("no_such_path", "method_not_allowed", "body_too_large")
MEMBERS = {"type", "title", "status", "detail", "code", "instance", "timestamp", "request_id", "error"}

BODIES = [
    b"",
    b"{",
    b'{"a": NaN}',
    b'{"a": -Infinity}',
    b'{"a": 1e999}',
    b'{"a": "\\ud800"}',
    b'{"a": "\\u0000"}',
    b'{"a": "\xff\xfe"}',
    b'\xef\xbb\xbf{"a": 1}',
    b'{"a": 1} {"b": 2}',
    b'{"a": 1, "a": 2}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b"[" * 100_000,
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
    "application/xml",
    "application/json; charset=utf-16",
    "application/problem+json",
    "application/json, text/html",
    "\x7f/;;=",
]
VALUES: list[Json] = [
    *(None, True, -1, 0, 2**63 - 1, 1.5, 1e300),
    *("", " ", "\u202e\u0007\U0001f419", "'; drop table runs; --", "%s{0}${7*7}", "x" * 300, "x" * 120_000),
    [],
    [[]],
    ["x"] * 5000,
    [None],
    {},
    {"a": {"b": []}},
    {"x" * 300: "x" * 20_000},
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
    return operation.path.format_map({name: quote(value, safe="") for name, value in names.items()})


def to_bodies(operation: Operation, names: dict[str, str]) -> Iterator[Hostile]:
    """Bodies that are no JSON or not its object, of wrong kinds, and too large ones."""
    path, example = addressed(operation, names), example_of(operation)
    for body in (*BODIES, b" " * (BODY_BYTES + 1)):
        yield Hostile(operation.method, path, operation, headers={**JSON}, body=body)
    for kind in KINDS:
        yield Hostile(operation.method, path, operation, headers={"Content-Type": kind}, body=dumps(example).encode())


def to_properties(operation: Operation, names: dict[str, str]) -> Iterator[Hostile]:
    """The example with one property after the other replaced by what it cannot be."""
    path, example = addressed(operation, names), example_of(operation)
    for name in (*schema_of(operation)["properties"], "unheard_of"):
        for value in VALUES:
            body = dumps({**example, name: value}).encode()
            yield Hostile(operation.method, path, operation, headers={**JSON}, body=body)


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


def schema_of(operation: Operation) -> dict[str, Any]:
    [media] = operation.media("body").values()
    found: dict[str, Any] = SCHEMAS[media["schema"]["$ref"].rpartition("/")[2]]
    return found


def example_of(operation: Operation) -> dict[str, Json]:
    """The body that OpenAPI shows; the things it names are unknown here."""
    [media] = operation.media("body").values()
    found: dict[str, Json] = media["example"]
    return found


@dataclass(frozen=True)
class Target:
    """The application with one of everything in it, which hostile requests may do away with."""

    app: FastAPI
    client: AsyncClient
    place: Place

    def names(self, operation: Operation) -> dict[str, str]:
        """Of things that are there, where the operation only looks; else of things that never were."""
        known = self.place.names if operation.method == "GET" else {"workspace": new_id(), **unknown_names()}
        given = {f"{name}_id": value for name, value in known.items()}
        return {**given, "name": self.place.names["artifact_name"], "version": "1"}

    async def answer(self, hostile: Hostile) -> Response:
        """The answer, once it is what it must be."""
        address = f"{hostile.path}{query_of(hostile.query)}"
        headers = [(name.encode(), latin(value)) for name, value in hostile.headers.items()]
        request = self.client.build_request(hostile.method, address, headers=headers, content=hostile.body)
        answer = await self.client.send(request)
        check(hostile, answer)
        return answer


def latin(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1", "replace")


def query_of(query: dict[str, str]) -> str:
    return "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items()) if query else ""


def check(hostile: Hostile, answer: Response) -> None:
    status = answer.status_code
    assert answer.headers["x-request-id"], hostile
    assert "x-evil" not in answer.headers, hostile
    assert status < 500 or status == 503, f"{hostile}: {answer.text}"
    if status < 400 or hostile.method == "HEAD":
        return
    assert answer.headers["content-type"] == "application/problem+json", hostile
    assert len(answer.content) < LARGEST, hostile
    told = answer.json()
    assert told.keys() >= MEMBERS, f"{hostile}: {told}"
    assert (told["status"], told["error"]) == (status, told["detail"]), hostile
    assert told["request_id"] == answer.headers["x-request-id"], hostile
    if hostile.operation is not None and told["code"] not in ANYWHERE:
        assert str(status) in hostile.operation.said["responses"], f"{hostile}: {status} is not declared"


@pytest.fixture
def database_url(own_database_url: str) -> str:
    return own_database_url


@pytest.fixture
async def target(app: FastAPI, client: AsyncClient) -> AsyncIterator[Target]:
    place = await furnish(app, client, await app.state.workspaces.find(), "a", 4004)
    yield Target(app, client, place)
    assert (await client.get("/api/health/ready")).status_code == 200


STRIDE = 1 if os.environ.get("CI") else 7
"""At home every seventh request is sent, which still reaches every operation; in CI all of them."""

WITH_BODY = [operation for operation in OPERATIONS if operation.media("body")]
ONE_OF_EACH_KIND = list({(*operation.said["tags"], operation.method): operation for operation in OPERATIONS}.values())
WAYS = {
    "bodies": (to_bodies, WITH_BODY),
    "properties": (to_properties, WITH_BODY),
    "names": (to_names, OPERATIONS),
    "queries": (to_queries, OPERATIONS),
    "headers": (to_headers, ONE_OF_EACH_KIND),
    "methods": (to_methods, OPERATIONS),
}


async def test_every_operation_withstands(target: Target) -> None:
    for make, operations in WAYS.values():
        found: set[int] = set()
        every = chain.from_iterable(make(operation, target.names(operation)) for operation in operations)
        for hostile in islice(every, 0, None, STRIDE):
            found.add((await target.answer(hostile)).status_code)
        assert found & {400, 404, 405, 422}


async def test_paths_lead_nowhere_else(client: AsyncClient) -> None:
    for hostile in (Hostile(method, path) for method in ("GET", "POST", "BREW") for path in PATHS):
        answer = await client.request(hostile.method, hostile.path)
        check(hostile, answer)
        assert "import" not in answer.text


ID = "0190f0f0-0000-7000-8000-000000000000"
TASK: dict[str, Json] = {"description": "Summarise"}
REFUSED: list[tuple[str, dict[str, Json], int, str, str]] = [
    ("/api/tasks", {"description": "x" * 200_000}, 422, "invalid", "at most 100000 characters"),
    ("/api/tasks", {"name": "x" * 200_000}, 422, "invalid", "at most 255 characters"),
    ("/api/tasks", {}, 422, "invalid", "give a description of what is to be done"),
    ("/api/tasks", {"description": ""}, 422, "invalid", "at least 1 character"),
    ("/api/tasks", {"description": " \n\t "}, 422, "invalid", "is blank"),
    ("/api/tasks", {**TASK, "team": "nobody"}, 404, "no_such_team", "Team not found"),
    ("/api/tasks", {**TASK, "config": {"models": ["openai:none"]}}, 422, "unknown_model", "openai is not configured"),
    ("/api/tasks", {**TASK, "config": {"models": ["nonsense"]}}, 422, "unknown_model", "provider:name"),
    ("/api/tasks", {**TASK, "config": {"models": ["practice:none"]}}, 422, "unknown_model", "Known here"),
    ("/api/tasks", {**TASK, "config": {"documents": [ID]}}, 404, "no_such_document", "Document not found"),
    ("/api/tasks", {**TASK, "config": {"documents": ["README.md"]}}, 404, "no_such_document", "Document not found"),
    ("/api/tasks", {**TASK, "max_rounds": 21}, 422, "invalid", "less than or equal to 20"),
    ("/api/runs", {"task_id": ID}, 404, "no_such_task", "Task not found"),
    ("/api/runs", {"task_id": "x"}, 404, "no_such_task", "Task not found"),
    (f"/api/runs/{ID}/cancel", {}, 404, "no_such_run", "Run not found"),
    ("/api/runs/x/cancel", {}, 404, "no_such_run", "Run not found"),
    ("/api/knowledge/documents", {"title": "a", "text": "  "}, 422, "invalid", "is blank"),
    ("/api/knowledge/documents", {"title": "a", "text": "x" * 1_500_001}, 422, "invalid", "at most 1500000 characters"),
    ("/api/knowledge/documents", {"title": "a", "text": "é" * 900_000}, 413, "document_too_large", "bytes"),
    ("/api/agents", {"definition_slug": "nobody"}, 404, "no_such_definition", "Agent definition not found"),
    (
        "/api/agents",
        {"definition_slug": "assistant", "config": {"model": "openai:none"}},
        422,
        "unknown_model",
        "openai is not configured",
    ),
    ("/api/agents/nobody/message", {"message": "Hello"}, 404, "no_such_agent", "Agent not found"),
]


async def test_what_cannot_be_done_is_said(client: AsyncClient) -> None:
    for path, body, status, code, says in REFUSED:
        answer = await client.post(path, json=body)
        check(Hostile("POST", path), answer)
        told = answer.json()
        assert (answer.status_code, told["code"]) == (status, code), told
        assert says in " ".join([told["detail"], *(error["msg"] for error in told.get("errors", ()))]), told
