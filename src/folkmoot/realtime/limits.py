"""What a socket may do to the server, and how often it says something itself."""

from collections import deque
from dataclasses import dataclass

WINDOW_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SocketRules:
    """`messages` is how many a connection may send in 10 seconds, the rest how long a socket is silent at most."""

    messages: int = 30
    message_bytes: int = 65_536
    status_seconds: float = 30.0
    heartbeat_seconds: float = 30.0


class Tally:
    """The times of the last messages of one connection."""

    def __init__(self, most: int) -> None:
        self._times: deque[float] = deque(maxlen=most)

    def is_full(self, at: float) -> bool:
        """Whether a message now is one too many; it is counted either way."""
        times = self._times
        is_one_too_many = len(times) == times.maxlen and at - times[0] < WINDOW_SECONDS
        times.append(at)
        return is_one_too_many
