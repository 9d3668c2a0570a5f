"""Local mode: this machine only, and no page of another site."""

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

STATUS_OF: tuple[tuple[dict[str, str], int], ...] = (
    ({}, 404),
    ({"Host": "127.0.0.1:8000"}, 404),
    ({"Host": "[::1]:8000"}, 404),
    ({"Host": "evil.example:8000"}, 403),
    ({"Host": "["}, 403),
    ({"Origin": "http://["}, 403),
    ({"X-Forwarded-For": "127.0.0.1"}, 401),
    ({"Forwarded": "for=127.0.0.1"}, 401),
    ({"Origin": "http://localhost"}, 404),
    ({"Origin": "http://localhost:3000"}, 404),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "same-origin"}, 404),
)


async def test_state_changes(client: AsyncClient) -> None:
    found = []
    for headers, _ in STATUS_OF:
        answer = await client.post("/api/runs/0190f0f0-0000-7000-8000-000000000000/cancel", headers=headers)
        assert answer.headers["content-type"] == "application/problem+json", headers
        found.append((headers, answer.status_code))
    assert found == [*STATUS_OF]


async def test_a_page_may_read_health_but_sees_it_only_if_listed(client: AsyncClient) -> None:
    foreign = await client.get("/health", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in foreign.headers
    listed = await client.get("/health", headers={"Origin": "http://localhost:3000"})
    assert listed.headers["access-control-allow-origin"] == "http://localhost:3000"


async def test_other_machines(app: FastAPI) -> None:
    transport = ASGITransport(app, client=("192.0.2.7", 1234))
    async with AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/health")).status_code == 401
