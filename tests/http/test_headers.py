"""Every answer forbids what no answer needs, also those that refuse."""

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
STRICTEST = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"


@pytest.mark.system
async def test_every_answer_has_them(app: FastAPI, client: AsyncClient) -> None:
    @app.get("/api/bug")
    async def bug() -> None:
        raise RuntimeError

    for method, path, status in (
        ("GET", "/health", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/nowhere", 404),
        ("PUT", "/api/runs", 405),
        ("GET", "/api/runs?limit=0", 422),
        ("GET", "/api/bug", 500),
    ):
        answer = await client.request(method, path)
        assert answer.status_code == status
        assert answer.headers.items() >= ALWAYS.items()
        assert answer.headers["content-security-policy"] == STRICTEST
        assert answer.headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "status"), [({"Host": "evil.example"}, 403), ({"X-Forwarded-For": "127.0.0.1"}, 401)]
)
async def test_those_that_are_not_let_in_get_them_too(
    client: AsyncClient, headers: dict[str, str], status: int
) -> None:
    answer = await client.get("/api/runs", headers=headers)
    assert answer.status_code == status
    assert answer.headers.items() >= ALWAYS.items()
    assert answer.headers["content-security-policy"] == STRICTEST


async def test_a_listed_origin_may_read_on(client: AsyncClient) -> None:
    listed = {"Origin": "http://localhost:3000"}
    answer = await client.get("/api/runs", headers=listed)
    assert answer.headers["access-control-allow-origin"] == listed["Origin"]
    asked = {**listed, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    preflight = await client.options("/api/runs", headers=asked)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, listed["Origin"])
    assert preflight.headers.items() >= ALWAYS.items()


async def test_pages_have_a_policy_of_their_own(client: AsyncClient) -> None:
    for page in ("/docs", "/redoc"):
        answer = await client.get(page)
        assert answer.headers.items() >= ALWAYS.items()
        policy = answer.headers.get_list("content-security-policy")
        assert len(policy) == 1
        assert "script-src 'self'" in policy[0]
        assert "unsafe" not in policy[0]


async def test_what_has_a_version_may_be_kept_and_asked_for_again(client: AsyncClient) -> None:
    answer = await client.get("/docs/assets/docs.js")
    assert answer.headers["cache-control"] == "private, no-cache"
    again = await client.get("/docs/assets/docs.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "private, no-cache")


async def test_https_stays_https(app: FastAPI) -> None:
    async with AsyncClient(transport=ASGITransport(app), base_url="https://localhost") as client:
        assert "max-age=" in (await client.get("/health")).headers["strict-transport-security"]
