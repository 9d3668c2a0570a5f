"""What a call can raise: what the API answered instead of a result, and that there was no answer.

These are no `Problem`s: what another server said to its client must not be rendered as an answer of one's own.
"""

from folkmoot.kernel.json import JsonObject

_OF_THE_DOCUMENT = frozenset(
    {"type", "title", "status", "detail", "code", "instance", "timestamp", "request_id", "error", "hint"}
)


class ClientFault(Exception):
    """Whatever this client raises"""


class Unreachable(ClientFault):
    """There was no answer: no connection, or one that was lost. `was_sent`: the server may have got the call."""

    def __init__(self, detail: str, *, was_sent: bool) -> None:
        self.was_sent = was_sent
        super().__init__(detail)


class Unreadable(ClientFault):
    """The answer is not what this version of the client knows"""


class ApiProblem(ClientFault):
    """The API answered with a problem document; one class for each status that a caller may want to tell apart.

    `facts` are the members beyond those that every document has, such as `errors` of a 422.
    """

    def __init__(self, status: int, document: JsonObject, retry_after_seconds: float | None = None) -> None:
        self.status = status
        self.document = document
        self.code = str(document.get("code") or "unknown")
        self.detail = str(document.get("detail") or document.get("title") or f"The server answered {status}")
        self.hint = str(document["hint"]) if document.get("hint") else None
        self.facts = {name: value for name, value in document.items() if name not in _OF_THE_DOCUMENT}
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"{self.detail} ({status} {self.code})")


class BadRequest(ApiProblem):
    """400"""


class NotAuthenticated(ApiProblem):
    """401"""


class Forbidden(ApiProblem):
    """403"""


class NotFound(ApiProblem):
    """404: there is no such thing, or it is not the caller's"""


class Conflict(ApiProblem):
    """409"""


class TooLarge(ApiProblem):
    """413"""


class Invalid(ApiProblem):
    """422; where and why is `facts["errors"]`"""


class TooManyRequests(ApiProblem):
    """429"""


class ServerFault(ApiProblem):
    """500 and above"""


class BadGateway(ServerFault):
    """502: a language model, or something else the server needs, failed"""


class Unavailable(ServerFault):
    """503"""


class TimedOut(ServerFault):
    """504: the work ran out of its time"""


_BY_STATUS: dict[int, type[ApiProblem]] = {
    400: BadRequest,
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: Invalid,
    429: TooManyRequests,
    502: BadGateway,
    503: Unavailable,
    504: TimedOut,
}


def problem_of(status: int, document: JsonObject, retry_after_seconds: float | None = None) -> ApiProblem:
    """The problem as the class of its status."""
    kind = _BY_STATUS.get(status, ServerFault if status >= 500 else ApiProblem)
    return kind(status, document, retry_after_seconds)
