"""The time: always aware, always UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)


def iso(at: datetime) -> str:
    """ISO 8601 in UTC with microseconds and `Z`, the one form the wire knows."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
