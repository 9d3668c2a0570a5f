"""Tracing: what is done, as spans. Nothing is traced, and nothing of it loaded, unless a collector was named."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, Protocol, TypeAlias

Attribute: TypeAlias = str | bool | int | float | Sequence[str]
Attributes: TypeAlias = Mapping[str, Attribute]
Kind: TypeAlias = Literal["server", "client", "internal"]


class Span(Protocol):
    """Something that is being done, from when it was begun until its context ends."""

    def set(self, attributes: Attributes, /) -> None: ...

    def rename(self, name: str, /) -> None: ...

    def fail(self, kind: str, /) -> None:
        """It went wrong; `kind` is a short word of a closed list, such as a fault's code."""


class Tracer(Protocol):
    """Who keeps spans. Whoever traces asks `is_on` first, so that nothing is computed for nobody."""

    @property
    def is_on(self) -> bool: ...

    @property
    def with_content(self) -> bool:
        """Whether spans may hold what people and language models have said."""

    @contextmanager
    def span(
        self, name: str, attributes: Attributes, *, kind: Kind = "internal", parent: str | None = None
    ) -> Iterator[Span]:
        """A span around what the context holds. `parent` is a `traceparent`; None is the current origin's.

        What is done inside has this span as its origin's trace. An exception marks it as failed and is raised on.
        """
        ...

    def close(self) -> None:
        """Send what is left, for at most a few seconds."""


class _Nothing:
    def set(self, attributes: Attributes, /) -> None:
        return

    def rename(self, name: str, /) -> None:
        return

    def fail(self, kind: str, /) -> None:
        return


class _Off:
    is_on = False
    with_content = False

    @contextmanager
    def span(
        self, name: str, attributes: Attributes, *, kind: Kind = "internal", parent: str | None = None
    ) -> Iterator[Span]:
        yield _Nothing()

    def close(self) -> None:
        return


OFF: Tracer = _Off()
