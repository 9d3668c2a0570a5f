"""What a context may hold. Pure."""

from enum import StrEnum

from folkmoot.kernel.json import dumps, loads

DEFAULT_NAME = "default"
NAME_CHARACTERS = 255
DATA_BYTES = 1_000_000


class ContextRollbackState(StrEnum):
    """How the last rollback went. It is one unit of work, so nobody ever sees it pending."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILED = "failed"


def json_bytes(data: object) -> int | None:
    """The length of `data` as JSON; None where it is none, so that reading it would not give what was written."""
    try:
        text = dumps(data)
    except TypeError:
        return None
    return len(text.encode()) if loads(text) == data else None
