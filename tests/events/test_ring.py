"""The ring holds the newest frames, bounded by number and by bytes."""

from folkmoot.events.frames import Frame
from folkmoot.events.ring import Ring


def frame(seq: int, size: int = 1) -> Frame:
    return Frame(seq, "t", {}, "x" * size)


def test_empty() -> None:
    ring = Ring(7)
    assert (ring.first, ring.last) == (8, 7)
    assert ring.find(7) is None
    assert ring.find(8) is None


def test_bounded_by_number() -> None:
    ring = Ring(0, frames=3)
    for seq in range(1, 6):
        ring.add(frame(seq))
    assert (ring.first, ring.last) == (3, 5)
    assert [found.seq for seq in range(8) if (found := ring.find(seq))] == [3, 4, 5]


def test_bounded_by_bytes_but_never_without_the_newest() -> None:
    ring = Ring(0, size=10)
    for seq in range(1, 4):
        ring.add(frame(seq, 4))
    assert (ring.first, ring.last) == (2, 3)
    ring.add(frame(4, 50))
    assert (ring.first, ring.last) == (4, 4)


def test_a_jump_empties_it() -> None:
    ring = Ring(0)
    ring.add(frame(1))
    ring.add(frame(9))
    assert (ring.first, ring.last) == (9, 9)
