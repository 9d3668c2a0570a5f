"""When a schedule is due, when a delivery is tried again, what a signature is made of. Pure."""

import hmac
import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from folkmoot.kernel.json import JsonObject

MOST_SCHEDULES = 500
MOST_WEBHOOKS = 20
"""Of one workspace."""

KEPT_STARTS = 500
"""Of one schedule; older ones leave its history."""

EVERYTHING = "*"
"""Among a webhook's types: all of them."""

NAME_PREFIX = "webhook_"
NAME_LENGTH = len(NAME_PREFIX) + 32

PING = "ping"
"""The type of what is sent to try a webhook: no event of the log."""

DELAYS_SECONDS: Final = (10, 60, 300, 1_800, 7_200, 21_600, 54_000)
"""Before the second try and those after it: eight tries in a day."""
TRIES = len(DELAYS_SECONDS) + 1
REFUSED_TRIES = 3
"""Where the answer says that this very call is not wanted, so that it does not hold up those behind it for a day."""
FAILING = timedelta(days=3)
"""Who has taken nothing for so long is sent nothing more."""
JITTER = 0.2
"""A delay grows by at most this part of it, so that what failed together is not tried together."""

_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_FIELDS = 5
_TRY_AGAIN = (408, 425, 429)
_GONE = 410


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DisabledReason(StrEnum):
    """Why a webhook is disabled, where nobody asked for it."""

    GONE = "gone"
    FAILING = "failing"


def checked_zone(name: str) -> str:
    """Raises ValueError."""
    _zone(name)
    return name


def checked_cron(expression: str) -> str:
    """With one space between its fields. Raises ValueError for what is no cron expression, or never due."""
    fields = expression.split()
    if len(fields) != _FIELDS:
        raise ValueError("has five fields: minute, hour, day of month, month, day of week")
    plain = " ".join(fields)
    try:
        found = next(CronSim(plain, datetime(2024, 1, 1)), None)  # noqa: DTZ001 any date will do, and none has a zone
    except CronSimError as error:
        raise ValueError(f"cannot be read: {str(error).lower()}") from None
    if found is None:
        raise ValueError("names a day that never comes")
    return plain


def next_time(cron: str, zone: str, after: datetime) -> datetime | None:
    """The first time past `after`, in UTC; None where there is none.

    As Debian's cron has it: a fixed time that a change of clocks leaves out is made up for right after it, one that
    comes twice counts once, and what is due every so many minutes or hours goes on through it by elapsed time.
    """
    for found in CronSim(cron, after.astimezone(_zone(zone))):
        in_utc = found.astimezone(UTC)
        if in_utc > after:  # not so within the hour that comes twice
            return in_utc
    return None


def _zone(name: str) -> ZoneInfo:
    if not _ZONE.fullmatch(name):
        raise ValueError("is no time zone such as Europe/Berlin")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError("is no time zone such as Europe/Berlin") from None


def secret_name(webhook_id: str) -> str:
    """What the workspace's secret is called that signs a webhook's calls."""
    return f"{NAME_PREFIX}{UUID(webhook_id).hex}"


def takes(types: Collection[str], event_type: str) -> bool:
    return EVERYTHING in types or event_type in types


def project_told(data: JsonObject) -> str | None:
    """The project that an event's data tells of what it shows."""
    if data.get("resource") == "project":
        return str(data["id"])
    for value in (data, *data.values()):
        if isinstance(value, dict) and isinstance(found := value.get("project_id"), str):
            return found
    return None


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 of `timestamp.body`, with the version of this scheme."""
    return "v1=" + hmac.digest(secret.encode(), timestamp.encode() + b"." + body, "sha256").hex()


def is_success(status: int) -> bool:
    return 200 <= status < 300


def is_gone(status: int | None) -> bool:
    return status == _GONE


def next_try(tries: int, status: int | None, jitter: float) -> timedelta | None:
    """How long after so many failed tries the next one is due, None for never. `jitter` is from 0 to 1."""
    is_refused = status is not None and 300 <= status < 500 and status not in _TRY_AGAIN
    if tries >= (REFUSED_TRIES if is_refused else TRIES):
        return None
    return timedelta(seconds=DELAYS_SECONDS[tries - 1] * (1 + JITTER * jitter))


def printable(raw: bytes, most: int) -> str:
    """What an answer says of itself, as text that every database takes."""
    return raw[:most].decode("utf-8", "replace").replace("\x00", "\ufffd")
