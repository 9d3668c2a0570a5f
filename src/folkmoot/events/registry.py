"""Every event type in one place, collected from the Fact classes the rooms declare, for docs and UI types."""

from collections.abc import Iterator

from folkmoot.kernel.facts import Fact


def fact_types() -> dict[str, type[Fact]]:
    """Wire name to class, for every fact of every room that is imported."""
    return {fact.type: fact for fact in sorted(_subclasses(Fact), key=lambda fact: fact.type)}


def _subclasses(of: type[Fact]) -> Iterator[type[Fact]]:
    for subclass in of.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
