"""Hostile requests to every operation: each gets a small problem document or a plain answer, never a bug."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from time import perf_counter
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient, Response

from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json
from tests.house.operations import ENDLESS, Operation, by_id, operations
from tests.house.places import Place, furnish, unknown_names
from tests.http.hostile import PATHS, UNKNOWN, Hostile, to_properties, ways

LARGEST = 20_000
ENDLESS_SECONDS = 0.1
ANYWHERE = ("no_such_path", "method_not_allowed", "body_too_large")
DECLARED_FAULTS = ("not_initialized", "ollama_unreachable")
"""503 until POST /api/init, which nobody calls here, and where there is no Ollama to ask."""
MEMBERS = {"type", "title", "status", "detail", "code", "instance", "timestamp", "request_id", "error"}


@dataclass(frozen=True)
class Target:
    """The application with one of everything in it, which hostile requests may do away with."""

    app: FastAPI
    client: AsyncClient
    place: Place

    def names(self, operation: Operation, make: object) -> dict[str, str]:
        """Of things that are there, to look at or to change in hostile ways; else of things that never were."""
        is_there = operation.method == "GET" or (make is to_properties and operation.method != "DELETE")
        known = self.place.names if is_there else {"workspace": new_id(), **unknown_names()}
        given = {f"{name}_id": value for name, value in known.items()}
        return {**given, "name": self.place.names["artifact_name"], "version": "1"}

    async def answer(self, hostile: Hostile) -> Response:
        """The answer, once it is what it must be."""
        address = f"{hostile.path}{query_of(hostile.query)}"
        headers = [(name.encode(), latin(value)) for name, value in hostile.headers.items()]
        request = self.client.build_request(hostile.method, address, headers=headers, content=hostile.body)
        is_endless = hostile.path in endless_paths()
        try:
            async with asyncio.timeout(ENDLESS_SECONDS if is_endless else None):
                answer = await self.client.send(request)
        except TimeoutError:
            return Response(200)  # it has begun, and goes on as it should
        check(hostile, answer)
        return answer

    async def read_everything(self) -> None:
        """Whatever was stored can be read back."""
        ending = [operation for operation in operations() if operation.id not in ENDLESS]
        readers = {operation.path: operation for operation in ending if operation.method == "GET"}
        for path in (path for path in readers if "{" not in path):
            listed = await self.client.get(path, params={"limit": 200} if "limit" in names_of(readers[path]) else {})
            is_told = listed.is_success or listed.json()["code"] in ("invalid", "no_account", "ollama_unreachable")
            assert is_told, f"{path}: {listed.text[:400]}"
            is_list = listed.is_success and listed.headers["content-type"] == "application/json"
            items = listed.json().get(path.rpartition("/")[2], []) if is_list else []
            for single in (single for single in readers if re.fullmatch(re.escape(path) + r"/{\w+}", single)):
                for name in map(name_of, items):
                    read = await self.client.get(re.sub(r"{\w+}", name, single))
                    assert read.status_code == 200, f"{single} {name}: {read.text[:400]}"


def endless_paths() -> set[str]:
    """Called in any way: the method in small letters is a hostile one too."""
    return {by_id()[name].path for name in ENDLESS}


def name_of(item: dict[str, str]) -> str:
    """What its own address calls it."""
    return next(item[key] for key in ("id", "debate_id", "slug", "name") if item.get(key))


def is_about_credentials(hostile: Hostile) -> bool:
    by_path = hostile.path.startswith(("/api/login", "/api/logout", "/api/register", "/api/users/me"))
    return by_path or "Authorization" in hostile.headers


def names_of(operation: Operation) -> list[str]:
    return [given["name"] for given in operation.said.get("parameters", ())]


def latin(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1", "replace")


def query_of(query: dict[str, str]) -> str:
    return "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items()) if query else ""


def check(hostile: Hostile, answer: Response) -> None:
    status = answer.status_code
    assert answer.headers["x-request-id"], hostile
    assert "x-evil" not in answer.headers, hostile
    assert status < 500 or answer.json()["code"] in DECLARED_FAULTS, f"{hostile}: {answer.text}"
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
async def target(app: FastAPI, client: AsyncClient, tmp_path: Path) -> AsyncIterator[Target]:
    """Called by the holder of the admin token: a hostile request may well make the first user, who ends local mode."""
    client.headers["Authorization"] = f"Bearer {(tmp_path / 'admin.token').read_text().strip()}"
    place = await furnish(app, client, await app.state.workspaces.find(), "a", 4004)
    yield Target(app, client, place)
    assert (await client.get("/api/health/ready")).status_code == 200


EVERY = pytest.param(1, marks=pytest.mark.system)
"""The quick suite sends every 499th request; the system suite all."""


@pytest.mark.parametrize("stride", [499, EVERY])
async def test_every_operation_withstands(target: Target, stride: int) -> None:
    for make, attacked in ways().values():
        found: set[int] = set()
        every = chain.from_iterable(make(operation, target.names(operation, make)) for operation in attacked)
        for hostile in islice(every, 0, None, stride):
            answer = await target.answer(hostile)
            found.add(answer.status_code)
            is_let_in = answer.status_code != 401 or is_about_credentials(hostile)
            assert is_let_in, f"{hostile}: {answer.text}"
        assert found & {400, 404, 405, 422}
    started = perf_counter()
    assert (await target.client.get("/health")).status_code == 200
    assert perf_counter() - started < 1
    await target.read_everything()


async def test_paths_lead_nowhere_else(client: AsyncClient) -> None:
    for hostile in (Hostile(method, path) for method in ("GET", "POST", "BREW") for path in PATHS):
        answer = await client.request(hostile.method, hostile.path)
        check(hostile, answer)
        assert "import" not in answer.text


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
    ("/api/tasks", {**TASK, "config": {"documents": [UNKNOWN]}}, 404, "no_such_document", "Document not found"),
    ("/api/tasks", {**TASK, "config": {"documents": ["README.md"]}}, 404, "no_such_document", "Document not found"),
    ("/api/tasks", {**TASK, "max_rounds": 21}, 422, "invalid", "less than or equal to 20"),
    ("/api/runs", {"task_id": UNKNOWN}, 404, "no_such_task", "Task not found"),
    ("/api/runs", {"task_id": "x"}, 404, "no_such_task", "Task not found"),
    (f"/api/runs/{UNKNOWN}/cancel", {}, 404, "no_such_run", "Run not found"),
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
