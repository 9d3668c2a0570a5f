"""What the process counts of its own requests: the figures of /system/status and /metrics."""

from collections import deque
from dataclasses import dataclass, field
from time import monotonic

_WINDOW = 1000


@dataclass(slots=True)
class Figures:
    """Connections are HTTP requests in flight plus open sockets; errors are answers of 500 and above."""

    total_requests: int = 0
    error_count: int = 0
    current_connections: int = 0
    peak_concurrent_connections: int = 0
    started: float = field(default_factory=monotonic)
    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW))

    def opened(self) -> None:
        self.current_connections += 1
        self.peak_concurrent_connections = max(self.peak_concurrent_connections, self.current_connections)

    def closed(self) -> None:
        self.current_connections -= 1

    def answered(self, status: int, seconds: float) -> None:
        self.total_requests += 1
        self.error_count += status >= 500
        self._seconds.append(seconds)

    @property
    def avg_response_time(self) -> float:
        """Seconds, over the last 1000 requests."""
        return sum(self._seconds) / len(self._seconds) if self._seconds else 0.0

    @property
    def uptime_seconds(self) -> int:
        return int(monotonic() - self.started)
