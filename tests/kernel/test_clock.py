"""One form of time on the wire."""

from datetime import UTC, datetime, timedelta, timezone

from folkmoot.kernel.clock import iso, now


def test_now_is_aware() -> None:
    assert now().utcoffset() == timedelta(0)


def test_the_wire_knows_one_form() -> None:
    at = datetime(2026, 3, 1, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    assert iso(at) == "2026-02-28T23:02:03.000000Z"
    assert datetime.fromisoformat(iso(at)) == at
    assert iso(datetime(2026, 1, 1, microsecond=5, tzinfo=UTC)) == "2026-01-01T00:00:00.000005Z"
