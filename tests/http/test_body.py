"""Hostile bodies: refused with a sentence before anything is built from them."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.http.body import (
    BODY_BYTES,
    JSON_DEPTH,
    IntegerTooLarge,
    JsonTooDeep,
    NotJson,
    NulInRequest,
    check_json,
)
from folkmoot.kernel.errors import Problem
from tests.serving import client_of

JSON = {"Content-Type": "application/json"}
DEEP = b"[" * (JSON_DEPTH + 1) + b"]" * (JSON_DEPTH + 1)

HOSTILE: list[tuple[bytes, type[Problem]]] = [
    (b"{", NotJson),
    (b'{"a": NaN}', NotJson),
    (b'{"a": Infinity}', NotJson),
    (b'{"a": -Infinity}', NotJson),
    (b'{"a": 1e999}', NotJson),
    (b'{"a": "\\ud800"}', NotJson),
    (b'{"a": "\xff"}', NotJson),
    (b'{"a": "\\u0000"}', NulInRequest),
    (b'{"a\\u0000": 1}', NulInRequest),
    (b'{"a": 9223372036854775808}', IntegerTooLarge),
    (b'{"a": -9223372036854775809}', IntegerTooLarge),
    (b'{"a": ' + b"9" * 300 + b"}", IntegerTooLarge),
    (DEEP, JsonTooDeep),
    (b'{"a":' * 900 + b"1" + b"}" * 900, JsonTooDeep),
]
HARMLESS = [
    b"{}",
    b"1",
    b'{"a": 9223372036854775807, "b": -9223372036854775808, "c": 1.5e300}',
    b'{"a": "\\\\u0000"}',
    b'{"a": "1234567890123456789012345"}',
    b'{"a": "' + b"[" * 500 + b'"}',
    b"[" + b"[]," * 500 + b"[]]",
    b"[" * JSON_DEPTH + b"]" * JSON_DEPTH,
]


@pytest.mark.parametrize(("body", "problem"), HOSTILE)
def test_hostile_json(body: bytes, problem: type[Problem]) -> None:
    with pytest.raises(problem):
        check_json(body)


@pytest.mark.parametrize("body", HARMLESS)
def test_harmless_json(body: bytes) -> None:
    check_json(body)


async def test_hostile_json_is_a_small_422(client: AsyncClient) -> None:
    for body, problem in HOSTILE:
        answer = await client.post("/api/knowledge/documents", content=body, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (422, problem.code), body[:100]
        assert answer.json()["errors"], body[:100]
        assert len(answer.content) < 2_000, body[:100]


@pytest.fixture
async def client(shared_app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with client_of(shared_app) as opened:
        yield opened


async def _chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 50_000 + 1):
        yield b" " * 50_000


@pytest.mark.parametrize("path", ["/api/knowledge/documents", "/nowhere"])
async def test_large_bodies(client: AsyncClient, path: str) -> None:
    for content in (b" " * (BODY_BYTES + 1), _chunks(BODY_BYTES)):
        answer = await client.post(path, content=content, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_what_was_sent_is_not_echoed(client: AsyncClient) -> None:
    secret = "s3cret" * 20_000
    sent = {"title": [secret], "text": {secret: secret}, **{f"extra{number}": secret for number in range(5)}}
    answer = await client.post("/api/knowledge/documents", json=sent)
    assert answer.status_code == 422
    assert len(answer.content) < 20_000
    assert "s3crets3cret" not in answer.text


@pytest.mark.parametrize("path", ["/api/runs/%00", "/api/runs?kind=%00", "/api/knowledge/search?q=a%00b"])
async def test_nul_in_the_address(client: AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "nul_in_request")


async def test_a_post_without_body_needs_no_content_type(client: AsyncClient) -> None:
    answer = await client.post("/api/runs/0190f0f0-0000-7000-8000-000000000000/cancel")
    assert answer.json()["code"] == "no_such_run"


async def test_text_is_no_json(client: AsyncClient) -> None:
    answer = await client.post(
        "/api/knowledge/documents", content=b'{"title": "a", "text": "b"}', headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 422
