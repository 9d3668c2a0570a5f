"""What the process counts of its own requests: the figures of /system/status and /metrics."""

from collections import deque
from dataclasses import dataclass, field
from time import monotonic

from folkmoot.kernel.metrics import Counter, Histogram

_WINDOW = 1000
_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))


def _requests() -> Counter:
    return Counter("folkmoot_http_requests_total", "Requests answered", ("method", "status"))


def _response_seconds() -> Histogram:
    return Histogram("folkmoot_http_response_seconds", "From a request to the end of its answer, streams included")


@dataclass(slots=True)
class Figures:
    """Connections are HTTP requests in flight plus open sockets; errors are answers of 500 and above."""

    total_requests: int = 0
    error_count: int = 0
    current_connections: int = 0
    current_sockets: int = 0
    peak_concurrent_connections: int = 0
    started: float = field(default_factory=monotonic)
    requests: Counter = field(default_factory=_requests)
    response_seconds: Histogram = field(default_factory=_response_seconds)
    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW))

    def opened(self, *, is_socket: bool = False) -> None:
        self.current_connections += 1
        self.current_sockets += is_socket
        self.peak_concurrent_connections = max(self.peak_concurrent_connections, self.current_connections)

    def closed(self, *, is_socket: bool = False) -> None:
        self.current_connections -= 1
        self.current_sockets -= is_socket

    def answered(self, method: str, status: int, seconds: float) -> None:
        self.total_requests += 1
        self.error_count += status >= 500
        self._seconds.append(seconds)
        self.requests.add(method if method in _METHODS else "other", f"{status // 100}xx")
        self.response_seconds.observe(seconds)

    @property
    def avg_response_time(self) -> float:
        """Seconds, over the last 1000 requests."""
        return sum(self._seconds) / len(self._seconds) if self._seconds else 0.0

    @property
    def uptime_seconds(self) -> int:
        return int(monotonic() - self.started)
