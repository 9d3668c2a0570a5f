"""What is counted of units of work, in all lanes of a process."""

from collections.abc import Iterable

from folkmoot.kernel.metrics import Counter, Histogram, Metric


class DatabaseFigures:
    """Counted where a group of units begins and where it is committed."""

    def __init__(self) -> None:
        self._waits = Histogram("folkmoot_database_wait_seconds", "How long units of work waited for their turn")
        self._units = Counter("folkmoot_database_units_total", "Units of work that were committed")
        self._events = Counter("folkmoot_events_published_total", "Events put into the logs of workspaces")

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return self._waits, self._units, self._events

    def began(self, waits: Iterable[float]) -> None:
        """A group of units has its turn; each has waited so many seconds."""
        for seconds in waits:
            self._waits.observe(seconds)

    def committed(self, emissions: Iterable[int]) -> None:
        """How many events each unit of a committed group has put into the log."""
        counts = [*emissions]
        self._units.add(amount=len(counts))
        self._events.add(amount=sum(counts))
