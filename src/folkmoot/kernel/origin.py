"""What something is done for: the request or the run it belongs to. Tasks carry it along; logs and traces tell it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import NamedTuple

from folkmoot.kernel.json import Json, JsonObject


class Origin(NamedTuple):
    """`trace` is the span that what is done belongs to, as W3C's `traceparent`; None while nothing is traced."""

    request_id: str | None = None
    run_id: str | None = None
    trace: str | None = None

    def to_json(self) -> JsonObject:
        """What a run's journal keeps of what started it; empty where nothing did that has a name."""
        kept = {"request_id": self.request_id, "trace": self.trace}
        return {name: value for name, value in kept.items() if value is not None}


NOWHERE = Origin()

_current: ContextVar[Origin] = ContextVar("folkmoot_origin", default=NOWHERE)


def origin() -> Origin:
    """Of what is being done now."""
    return _current.get()


def set_origin(of: Origin) -> None:
    """For a task of its own: everything it does from here on."""
    _current.set(of)


def enter(of: Origin) -> Token[Origin]:
    """What is done until `leave` is given the token: for the path of every request."""
    return _current.set(of)


def leave(token: Token[Origin]) -> None:
    _current.reset(token)


@contextmanager
def within(of: Origin) -> Iterator[None]:
    """What is done while the context is open."""
    token = enter(of)
    try:
        yield
    finally:
        leave(token)


def kept_origin(run_id: str, stored: Json) -> Origin:
    """A run's own, from what its journal kept of what started it."""
    match stored:
        case {**kept}:
            request_id, trace = kept.get("request_id"), kept.get("trace")
            return Origin(
                request_id if isinstance(request_id, str) else None,
                run_id,
                trace if isinstance(trace, str) else None,
            )
        case _:
            return Origin(run_id=run_id)
