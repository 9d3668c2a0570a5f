"""The rate limit: each caller has a minute's worth of requests, and is told when to come back."""

from pathlib import Path

import pytest
from httpx2 import ASGITransport, AsyncClient

from folkmoot.http import rate_limit
from folkmoot.http.rate_limit import Bucket, network
from tests.serving import running, settings_for


def test_a_minutes_worth_at_once_then_evenly() -> None:
    bucket = Bucket(60)
    assert [bucket.seconds_to_wait("a", 100.0) for _ in range(60)] == [0.0] * 60
    assert bucket.seconds_to_wait("a", 100.0) == pytest.approx(1)
    assert bucket.seconds_to_wait("a", 100.5) == pytest.approx(0.5)
    assert bucket.seconds_to_wait("b", 100.5) == 0
    assert bucket.seconds_to_wait("a", 101.0) == 0
    assert bucket.seconds_to_wait("a", 101.0) == pytest.approx(1)


def test_what_was_saved_is_at_most_a_minutes_worth() -> None:
    bucket = Bucket(7)
    for at in (0.0, 1e6):
        assert [bucket.seconds_to_wait("a", at) for _ in range(7)] == [0.0] * 7
        assert bucket.seconds_to_wait("a", at) > 8


def test_a_refusal_costs_nothing() -> None:
    bucket = Bucket(1)
    assert bucket.seconds_to_wait("a", 0.0) == 0
    assert [round(bucket.seconds_to_wait("a", at)) for at in (0.0, 30.0, 59.0)] == [60, 30, 1]
    assert bucket.seconds_to_wait("a", 60.0) == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "CALLERS", 3)
    bucket = Bucket(1)
    for name in ("a", "b", "c", "d", "e"):
        assert bucket.seconds_to_wait(name, 0.0) == 0
    assert len(bucket) == 3
    assert bucket.seconds_to_wait("e", 0.0) == 60


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no:address", "no:address"),
    ],
)
def test_who_counts_as_one(address: str, counted: str) -> None:
    assert network(address) == counted


async def test_the_limit_of_an_application(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_for(sqlite_url, tmp_path).model_copy(update={"rate_limit_per_minute": 3})
    async with (
        running(settings) as app,
        AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client,
    ):
        assert [(await client.get("/api/runs")).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = await client.get("/runs/")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limit_reached")
        assert 1 <= int(refused.headers["retry-after"]) <= 20
        assert refused.headers["x-request-id"] == refused.json()["request_id"]
        for path in ("/health", "/api/v1/health/live", "/health/ready"):
            assert (await client.get(path)).status_code == 200
