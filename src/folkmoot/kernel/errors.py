"""One root for everything that can go wrong for a reason: raised anywhere, rendered once at each edge."""

import re
from typing import ClassVar, TypeVar

from folkmoot.kernel.json import Json

T = TypeVar("T")

_WORD_BOUNDARY = re.compile(r"(?<!^)(?=[A-Z])")


class Problem(Exception):
    """Internal server error"""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "problem"
    retryable: ClassVar[bool] = False
    hint: ClassVar[str | None] = None

    def __init_subclass__(cls) -> None:
        if "code" not in vars(cls):
            cls.code = _WORD_BOUNDARY.sub("_", cls.__name__).lower()

    def __init__(self, detail: str | None = None, /, **facts: Json) -> None:
        self.detail = detail or (type(self).__doc__ or type(self).__name__).strip()
        self.facts = facts
        super().__init__(self.detail)


class BadRequest(Problem):
    """The request cannot be understood"""

    status = 400


class Forbidden(Problem):
    """Not allowed"""

    status = 403


class NotFound(Problem):
    """Resource not found"""

    status = 404


class Conflict(Problem):
    """The request conflicts with the current state"""

    status = 409


class TooLarge(Problem):
    """The request is too large"""

    status = 413


class Invalid(Problem):
    """The request is not valid"""

    status = 422


class BadGateway(Problem):
    """An upstream service failed"""

    status = 502


class Unavailable(Problem):
    """The service is not available right now"""

    status = 503
    retryable = True


def existing(row: T | None, missing: type[Problem]) -> T:
    """What was looked for. Raises `missing` where it was not found."""
    if row is None:
        raise missing
    return row
