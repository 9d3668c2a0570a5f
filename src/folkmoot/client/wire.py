"""What goes over the wire and what comes back, without a connection: a call described once for every transport."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple, TypeGuard, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, ValidationError

from folkmoot.client.faults import ApiProblem, Unreadable, problem_of
from folkmoot.client.forms import Attached, form_of
from folkmoot.kernel.json import JsonObject, dumps, loads

T = TypeVar("T")
U = TypeVar("U")
Part = TypeVar("Part", bound="Resource")

Given = Mapping[str, object]
"""What was given for an operation's inputs, by their names; a None is not sent."""

QUICK_SECONDS = 30.0
LONGEST_SECONDS = 330.0
"""The API keeps a call that waits for work at most 300 seconds."""
HEARTBEATS_SECONDS = 50.0
"""A stream says something every 15 seconds, if only a comment; three of them missing means that it is gone."""


class Resource(BaseModel):
    """A part of an answer. What this version of the client does not know of is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True, protected_namespaces=())


class Answer(NamedTuple):
    """Headers have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Request(NamedTuple):
    """What a transport sends; `seconds` is how long it waits for a byte."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One operation with its inputs. A call that starts work takes an Idempotency-Key, so it may be made again."""

    method: str
    path: str
    read: Callable[[Answer], T]
    query: Given = field(default_factory=dict)
    body: Given | None = None
    is_form: bool = False
    attached: Attached | None = None
    is_scoped: bool = False
    is_long: bool = False
    takes_key: bool = False
    key: str | None = None

    def request(self, headers: Mapping[str, str], key: str | None = None) -> Request:
        """The call as it is sent: `headers` are the client's own. Raises OSError for a file that cannot be read."""
        query = _pairs(self.query)
        path = f"{self.path}?{urlencode(query)}" if query else self.path
        sent = {"Accept": "application/json", **headers} | ({"Idempotency-Key": key} if key else {})
        body = None
        if self.body is not None:
            sent["Content-Type"], body = self._written(self.body)
        return Request(self.method, path, sent, body, LONGEST_SECONDS if self.is_long else QUICK_SECONDS)

    def _written(self, given: Given) -> tuple[str, bytes]:
        if self.attached is not None:
            return form_of(self.attached, _pairs(given))
        if self.is_form:
            return "application/x-www-form-urlencoded", urlencode(_pairs(given)).encode()
        return "application/json", dumps({name: value for name, value in given.items() if value is not None}).encode()


def path(template: str, **given: str | int) -> str:
    """The path with its parameters put in. Raises ValueError for one that would lead to another path."""
    for name, value in given.items():
        if any(segment in ("", ".", "..") for segment in str(value).split("/")):
            raise ValueError(f"{value!r} cannot be a {name}")
    return template.format(**{name: quote(str(value), safe="") for name, value in given.items()})


def one(kind: type[Part]) -> Callable[[Answer], Part]:
    def read(answer: Answer) -> Part:
        try:
            return kind.model_validate_json(answer.body)
        except ValidationError as error:
            raise Unreadable(f"An answer is no {kind.__name__} as this client knows it: {error}") from error

    return read


def many(kind: type[Part]) -> Callable[[Answer], list[Part]]:
    def read(answer: Answer) -> list[Part]:
        found = loads(answer.body)
        if not isinstance(found, list):
            raise Unreadable(f"An answer is no list of {kind.__name__}")
        return [kind.model_validate(item) for item in found]

    return read


def either(first: Callable[[Answer], T], status: int, second: Callable[[Answer], U]) -> Callable[[Answer], T | U]:
    """The second for answers of that status, the first for all others."""

    def read(answer: Answer) -> T | U:
        return second(answer) if answer.status == status else first(answer)

    return read


def text(answer: Answer) -> str:
    return answer.body.decode(errors="replace")


def raw(answer: Answer) -> bytes:
    return answer.body


def fields(answer: Answer) -> JsonObject:
    """Of an answer whose members are no fixed ones."""
    return json_object(answer.body)


def nothing(_: Answer) -> None:
    return


def problem_in(answer: Answer) -> ApiProblem:
    """What an answer that is not a 2xx says; a foreign body gives at least its status."""
    after = answer.headers.get("retry-after", "")
    return problem_of(answer.status, json_object(answer.body), float(after) if after.isdecimal() else None)


def json_object(raw: bytes | str) -> JsonObject:
    """Empty where it is none."""
    try:
        value = loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _pairs(given: Given) -> list[tuple[str, str]]:
    """As a query and a form have them: a list's items under one name."""
    each = ((name, one) for name, value in given.items() for one in (value if _is_list(value) else (value,)))
    return [(name, _word(one)) for name, one in each if one is not None]


def _is_list(value: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    return isinstance(value, list | tuple)


def _word(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat()
        case _:
            return str(value)
