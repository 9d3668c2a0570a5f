"""One problem document for everything that goes wrong."""

from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.http.problems import document, problems
from folkmoot.kernel.errors import Conflict, NotFound, Unavailable

MEMBERS = {"type", "title", "status", "detail", "code", "instance", "timestamp", "request_id", "error"}


class NoSuchThing(NotFound):
    """Thing not found"""


class ThingBusy(Conflict):
    """The thing is busy"""

    hint = "Wait"


def test_document() -> None:
    found = document(ThingBusy("It is busy", holder="a", status="b", code="c"), "/things/1", "r1")
    assert found["holder"] == "a"
    assert (found["status"], found["code"], found["title"]) == (409, "thing_busy", "The thing is busy")
    assert found["detail"] == found["error"] == "It is busy"
    assert (found["hint"], found["instance"], found["request_id"]) == ("Wait", "/things/1", "r1")


def test_a_fact_may_be_the_hint() -> None:
    assert document(ThingBusy(hint="Come back"), "/", "r")["hint"] == "Come back"


def test_declared_problems() -> None:
    declared = problems(NoSuchThing, ThingBusy, Conflict)
    assert set(declared) == {404, 409}
    examples = declared[409]["content"]["application/problem+json"]["examples"]
    assert set(examples) == {"thing_busy", "conflict"}


async def test_unknown_path_and_method(client: AsyncClient) -> None:
    missing = await client.get("/nowhere/at/all?secret=1")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
    assert set(missing.json()) == MEMBERS
    assert "secret" not in missing.text
    wrong = await client.put("/api/runs", json={})
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "GET, POST"


async def test_every_answer_is_marked(client: AsyncClient) -> None:
    for path in ("/health", "/nowhere", "/api/runs?limit=0"):
        answer = await client.get(path, headers={"X-Request-Id": "mine-1"})
        assert answer.headers["x-request-id"] == "mine-1"
        assert answer.headers["x-response-time"].endswith("ms")
    hostile = await client.get("/health", headers={"X-Request-Id": "a b\x7f"})
    assert len(hostile.headers["x-request-id"]) == 36


async def test_a_bug_says_nothing_about_itself(app: FastAPI, client: AsyncClient) -> None:
    @app.get("/api/bug")
    async def bug() -> None:
        raise RuntimeError("the password is 1234")

    answer = await client.get("/bug")
    assert answer.status_code == 500
    assert answer.json()["detail"] == "Internal server error"
    assert set(answer.json()) == MEMBERS
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert "1234" not in answer.text
    assert app.state.figures.error_count == 1


async def test_unavailable_says_when_to_come_back(app: FastAPI, client: AsyncClient) -> None:
    @app.get("/api/full")
    async def full() -> None:
        raise Unavailable(retry_after_seconds=2.5)

    answer = await client.get("/full")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")


async def test_openapi_declares_problems_everywhere(client: AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()
    assert "HTTPValidationError" not in described["components"]["schemas"]
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    assert [operation["operationId"] for operation in operations if not operation["operationId"].isidentifier()] == []
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (operation["operationId"], status)
    assert all(path.startswith("/api/") for path in described["paths"])
