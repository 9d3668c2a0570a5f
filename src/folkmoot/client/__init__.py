"""The Python client of the public API: `from folkmoot.client import Folkmoot, AsyncFolkmoot`."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from folkmoot.client.clients import AsyncFolkmoot, Folkmoot
    from folkmoot.client.faults import (
        ApiProblem,
        BadGateway,
        BadRequest,
        ClientFault,
        Conflict,
        Forbidden,
        Invalid,
        NotAuthenticated,
        NotFound,
        ServerFault,
        TimedOut,
        TooLarge,
        TooManyRequests,
        Unavailable,
        Unreachable,
        Unreadable,
    )
    from folkmoot.client.items import Delta, DeltaReset, Event, Reset, Started

_HOMES = {
    "clients": ("AsyncFolkmoot", "Folkmoot"),
    "items": ("Delta", "DeltaReset", "Event", "Reset", "Started"),
}

__all__ = [
    "ApiProblem",
    "AsyncFolkmoot",
    "BadGateway",
    "BadRequest",
    "ClientFault",
    "Conflict",
    "Delta",
    "DeltaReset",
    "Event",
    "Folkmoot",
    "Forbidden",
    "Invalid",
    "NotAuthenticated",
    "NotFound",
    "Reset",
    "ServerFault",
    "Started",
    "TimedOut",
    "TooLarge",
    "TooManyRequests",
    "Unavailable",
    "Unreachable",
    "Unreadable",
]


def __getattr__(name: str) -> object:
    """The names are looked for when they are asked for: `import folkmoot.client` loads nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = next((home for home, names in _HOMES.items() if name in names), "faults")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
