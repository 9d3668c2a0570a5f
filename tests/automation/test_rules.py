"""When a schedule is due, through every change of clocks; when a delivery is tried again; what is signed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.automation.rules import (
    DELAYS_SECONDS,
    REFUSED_TRIES,
    TRIES,
    checked_cron,
    checked_zone,
    next_time,
    next_try,
    printable,
    project_told,
    signature,
    takes,
)

BERLIN, SYDNEY = "Europe/Berlin", "Australia/Sydney"


def times(cron: str, zone: str, after: str, number: int) -> list[str]:
    """The next times in the zone, each with its offset, as those asking one after the other get them."""
    at, found = datetime.fromisoformat(after), []
    for _ in range(number):
        following = next_time(cron, zone, at)
        assert following is not None
        assert following > at
        at = following
        found.append(at.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M %z"))
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # Spring: 02:00 to 03:00 does not exist on March 29. What was due in it is made up for at its end.
        (
            "30 2 * * *",
            BERLIN,
            "2026-03-28T00:00+01:00",
            ["03-28 02:30 +0100", "03-29 03:00 +0200", "03-30 02:30 +0200"],
        ),
        ("0 12 * * *", BERLIN, "2026-03-28T13:00+01:00", ["03-29 12:00 +0200", "03-30 12:00 +0200"]),
        (
            "*/30 * * * *",
            BERLIN,
            "2026-03-29T01:00+01:00",
            ["03-29 01:30 +0100", "03-29 03:00 +0200", "03-29 03:30 +0200"],
        ),
        # Autumn: 02:00 to 03:00 comes twice on October 25. A fixed time counts once, an interval goes on.
        ("30 2 * * *", BERLIN, "2026-10-24T12:00+02:00", ["10-25 02:30 +0200", "10-26 02:30 +0100"]),
        ("30 2 * * *", BERLIN, "2026-10-25T02:10+01:00", ["10-26 02:30 +0100"]),
        (
            "*/30 * * * *",
            BERLIN,
            "2026-10-25T02:00+02:00",
            ["10-25 02:30 +0200", "10-25 02:00 +0100", "10-25 02:30 +0100", "10-25 03:00 +0100"],
        ),
        # The southern half of the world does it the other way round: spring on October 4, autumn on April 5.
        (
            "30 2 * * *",
            SYDNEY,
            "2026-10-03T00:00+10:00",
            ["10-03 02:30 +1000", "10-04 03:00 +1100", "10-05 02:30 +1100"],
        ),
        ("30 2 * * *", SYDNEY, "2026-04-04T12:00+11:00", ["04-05 02:30 +1100", "04-06 02:30 +1000"]),
        (
            "0 * * * *",
            SYDNEY,
            "2026-04-05T01:30+11:00",
            ["04-05 02:00 +1100", "04-05 02:00 +1000", "04-05 03:00 +1000"],
        ),
        # No change of clocks at all, half an hour off, and a leap day.
        ("15 9 * * 1-5", "Asia/Kolkata", "2026-11-20T10:00+05:30", ["11-23 09:15 +0530", "11-24 09:15 +0530"]),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00+00:00", ["02-29 00:00 +0000"]),
        ("59 23 L * *", "UTC", "2026-01-31T23:59+00:00", ["02-28 23:59 +0000", "03-31 23:59 +0000"]),
    ],
)
def test_due_in_its_zone(cron: str, zone: str, after: str, expected: list[str]) -> None:
    assert times(cron, zone, after, len(expected)) == expected


@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    zone=st.sampled_from([BERLIN, SYDNEY, "America/Santiago", "Africa/Cairo", "Pacific/Chatham", "UTC"]),
    hours=st.integers(0, 24 * 365),
)
def test_once_a_day_whatever_the_clocks_do(minute: int, hour: int, zone: str, hours: int) -> None:
    at, dates = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours), []
    for _ in range(5):
        at = next_time(f"{minute} {hour} * * *", zone, at) or at
        dates.append(at.astimezone(ZoneInfo(zone)).date())
    assert dates == [dates[0] + timedelta(days=day) for day in range(5)]


@pytest.mark.parametrize("cron", ["* * * * *", "0 7 * * 1-5", "*/15  9-17 * * MON-FRI", "0 0 L * *", "30 4 1,15 * 5"])
def test_what_cron_is(cron: str) -> None:
    assert checked_cron(f" {cron} ") == " ".join(cron.split())


NO_CRON = (
    *("", "nonsense", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "0 0 31 2 *", "*/0 * * * *"),
    *("1-0 * * * *", "@daily", "a * * * *", "* * * * 8", "-1 * * * *", "0 0 30 2 *", "1,,2 * * * *", "\u0661 * * * *"),
)


@pytest.mark.parametrize("cron", NO_CRON)
def test_what_cron_is_not(cron: str) -> None:
    with pytest.raises(ValueError, match=r"has five fields|cannot be read|never comes"):
        checked_cron(cron)


@given(st.text("0123456789*,-/#LW SUNJA", max_size=40))
def test_any_text_is_judged(text: str) -> None:
    try:
        cron = checked_cron(text)
    except ValueError:
        return
    at = datetime(2026, 11, 21, tzinfo=UTC)
    found = next_time(cron, BERLIN, at)
    assert found is None or found > at


@pytest.mark.parametrize("zone", ["UTC", BERLIN, "America/Argentina/Buenos_Aires", "Etc/GMT+3"])
def test_zones(zone: str) -> None:
    assert checked_zone(zone) == zone


@pytest.mark.parametrize(
    "zone",
    ["", "Berlin", "Europe/Atlantis", "../../etc/passwd", "/etc/localtime", "right/UTC", "Europe", "CET\x00", "é"],
)
def test_no_zones(zone: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        checked_zone(zone)


def test_eight_tries_in_a_day() -> None:
    delays = [next_try(tries, 500, 0.0) for tries in range(1, TRIES + 1)]
    assert delays == [*(timedelta(seconds=seconds) for seconds in DELAYS_SECONDS), None]
    assert timedelta(hours=23) < sum(filter(None, delays), timedelta()) < timedelta(hours=25)
    assert next_try(1, None, 1.0) == timedelta(seconds=12)


@pytest.mark.parametrize(("status", "most"), [(None, TRIES), (503, TRIES), (429, TRIES), (404, REFUSED_TRIES)])
def test_a_refusal_is_not_tried_for_a_day(status: int | None, most: int) -> None:
    assert next_try(most - 1, status, 0.0) is not None
    assert next_try(most, status, 0.0) is None


def test_the_signature_is_what_the_docs_say() -> None:
    """As `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret` has it."""
    found = signature("secret", "1700000000", b'{"a":1}')
    assert found == "v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"
    assert found != signature("secret", "1700000001", b'{"a":1}')
    assert found != signature("other", "1700000000", b'{"a":1}')


def test_which_events() -> None:
    assert takes(["*"], "failure")
    assert takes(["completion", "failure"], "failure")
    assert not takes(["completion"], "failure")


def test_whose_events() -> None:
    assert project_told({"resource": "project", "id": "p", "change": "deleted", "view": None}) == "p"
    assert project_told({"resource": "task", "id": "t", "change": "updated", "view": {"project_id": "p"}}) == "p"
    assert project_told({"name": "a", "task": {"id": "t", "project_id": "p"}}) == "p"
    assert project_told({"step": 1, "results": {"a": 1}}) is None


def test_any_answer_can_be_kept() -> None:
    assert printable(b"\x00\xff" + b"a" * 2000, 4) == "\ufffd\ufffdaa"
