"""The ring: the newest frames of one followed workspace, bounded by number and by bytes."""

from collections import deque

from folkmoot.events.frames import Frame

FRAMES = 2_048
BYTES = 4_000_000


class Ring:
    """Gapless in seq: `first` to `last`, where `first` = `last` + 1 means empty."""

    def __init__(self, last: int, frames: int = FRAMES, size: int = BYTES) -> None:
        self.last = last
        self._max_frames = frames
        self._max_size = size
        self._frames: deque[Frame] = deque()
        self._size = 0

    @property
    def first(self) -> int:
        return self.last - len(self._frames) + 1

    def add(self, frame: Frame) -> None:
        """Takes the frame after `last`; the oldest make room. A jump in seq empties the ring."""
        if frame.seq != self.last + 1:
            self._frames.clear()
            self._size = 0
        self._frames.append(frame)
        self._size += len(frame.text)
        self.last = frame.seq
        while len(self._frames) > self._max_frames or (self._size > self._max_size and len(self._frames) > 1):
            self._size -= len(self._frames.popleft().text)

    def find(self, seq: int) -> Frame | None:
        """The frame with this seq, None where the ring does not hold it."""
        place = seq - self.first
        return self._frames[place] if 0 <= place < len(self._frames) else None
