"""Who speaks: the order of the specification, the draw that can be made again, and the caps that make agents end."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.rooms.rules import (
    Category,
    Floor,
    Manners,
    Reason,
    Said,
    Schedule,
    Seat,
    Speaker,
    Trigger,
    Window,
    mentions,
    next_look,
    speakers,
    speaks_by_chance,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROOM = Manners(room_id="r", seed=7)
FLOOR = Floor(at=NOON, last_at=NOON, monologue=0)


def seat(name: str, category: Category = Category.PARTICIPANT, **more: object) -> Seat:
    known: dict[str, object] = {"joined_at": NOON - timedelta(hours=1), **more}
    return Seat(agent_id=name, slug=name, category=category, **known)  # type: ignore[arg-type]


def said(text: str, by: str | None = None, seq: int = 1, depth: int = 0) -> Said:
    return Said(seq=seq, is_persons=by is None, author_id=by or "person", text=text, depth=depth)


def names(found: tuple[Speaker, ...]) -> list[str]:
    return [speaker.agent_id for speaker in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@ada and @Bob, then @ada again", ("ada", "bob")),
        ("mail a@ada.org, see x/@ada and @@ada", ()),
        ("(@ada) @b-2: well?", ("ada", "b-2")),
        ("nobody @ all", ()),
        ("@" + "x" * 70, ("x" * 63,)),
    ],
)
def test_mentions(text: str, found: tuple[str, ...]) -> None:
    assert mentions(text) == found


def test_who_is_mentioned_speaks_in_that_order_and_nobody_else() -> None:
    eager = seat("c", Category.INSTRUCTOR, trigger=Trigger(message_count=1), heard=9)
    found = speakers(ROOM, [seat("a"), seat("b"), eager], FLOOR, said("@b, then @a"))
    assert found == (Speaker("b", Reason.MENTION), Speaker("a", Reason.MENTION))


def test_categories_then_the_longest_silent_then_the_id() -> None:
    eager = Trigger(message_count=1)
    seats = [
        seat("u", Category.UTILITY, trigger=eager, heard=1),
        seat("p2", trigger=eager, heard=1, spoke_seq=5),
        seat("p1", trigger=eager, heard=1, spoke_seq=9),
        seat("p0", trigger=eager, heard=1, spoke_seq=5),
        seat("x", Category.EXTERNAL, trigger=eager, heard=1),
        seat("i", Category.INSTRUCTOR, trigger=eager, heard=1, spoke_seq=99),
    ]
    assert names(speakers(ROOM, seats, FLOOR, said("hello"))) == ["i"]
    many = replace(ROOM, max_speakers=6)
    assert names(speakers(many, seats[::-1], FLOOR, said("hello"))) == ["i", "p0", "p2", "p1", "x", "u"]


@pytest.mark.parametrize(
    ("trigger", "heard", "spoke", "quiet", "is_due"),
    [
        (Trigger(message_count=3), 2, 10, 0, False),
        (Trigger(message_count=3), 3, 10, 0, True),
        (Trigger(interval_seconds=60), 0, 59, 0, False),
        (Trigger(interval_seconds=60), 0, 60, 0, True),
        (Trigger(silence_seconds=30), 0, 10, 29, False),
        (Trigger(silence_seconds=30), 0, 10, 30, True),
        (Trigger(message_count=3, silence_seconds=30), 3, 10, 0, True),
        (Trigger(message_count=3, silence_seconds=30, join="and"), 3, 10, 29, False),
        (Trigger(message_count=3, silence_seconds=30, join="and"), 3, 10, 30, True),
    ],
)
def test_triggers(trigger: Trigger, heard: int, spoke: int, quiet: int, *, is_due: bool) -> None:
    one = seat("a", trigger=trigger, heard=heard, spoke_at=NOON - timedelta(seconds=spoke))
    floor = replace(FLOOR, last_at=NOON - timedelta(seconds=quiet))
    assert bool(speakers(ROOM, [one], floor, None)) == is_due


def test_without_a_trigger_chance_decides_and_only_on_messages() -> None:
    always, never = replace(ROOM, ai_frequency=1.0), replace(ROOM, ai_frequency=0.0)
    assert names(speakers(always, [seat("a")], FLOOR, said("hello"))) == ["a"]
    assert speakers(never, [seat("a")], FLOOR, said("hello")) == ()
    assert speakers(always, [seat("a")], FLOOR, None) == ()


def test_chance_is_fair_and_comes_out_the_same() -> None:
    third = replace(ROOM, ai_frequency=1 / 3)
    drawn = [speaks_by_chance(third, seq, "a") for seq in range(3000)]
    assert drawn == [speaks_by_chance(third, seq, "a") for seq in range(3000)]
    assert 900 < sum(drawn) < 1100
    assert drawn != [speaks_by_chance(replace(third, seed=8), seq, "a") for seq in range(3000)]


def test_an_agent_does_not_answer_itself_and_cools_down() -> None:
    always = replace(ROOM, ai_frequency=1.0, cooldown_seconds=10)
    assert speakers(always, [seat("a")], FLOOR, said("I", by="a")) == ()
    tired = seat("a", spoke_at=NOON - timedelta(seconds=9))
    assert speakers(always, [tired], FLOOR, said("hello")) == ()
    assert speakers(always, [tired], FLOOR, said("@a?", by="b")) == ()
    assert names(speakers(always, [tired], FLOOR, said("@a?"))) == ["a"]


def test_agents_that_always_call_each_other_end() -> None:
    seats, message, spoken = [seat("a"), seat("b")], said("@a, talk to @b"), []
    while found := speakers(ROOM, seats, FLOOR, message):
        spoken.append(found[0].agent_id)
        other = "b" if found[0].agent_id == "a" else "a"
        message = said(f"@{other}, your turn", by=found[0].agent_id, depth=found[0].depth)
    assert spoken == ["a", "b", "a"]
    assert speakers(ROOM, seats, replace(FLOOR, monologue=3), said("@a")) == ()


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        (datetime(2026, 11, 20, 8, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 20, 7, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 20, 16, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 21, 9, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 20, 22, 30, tzinfo=UTC), True),
        (datetime(2026, 11, 21, 0, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 21, 1, 0, tzinfo=UTC), False),
    ],
)
def test_schedules_follow_the_zone(at: datetime, *, holds: bool) -> None:
    office = Window(days=frozenset(range(5)), since=time(9), until=time(17))
    night = Window(days=frozenset({4}), since=time(23), until=time(2))
    assert Schedule(zone="Europe/Berlin", windows=(office, night)).holds(at) == holds


def test_a_window_without_times_is_the_whole_day() -> None:
    saturday = Window(days=frozenset({5}))
    found = [saturday.holds(datetime(2026, 11, day, hour, tzinfo=UTC)) for day in (20, 21, 22) for hour in (0, 23)]
    assert found == [False, False, True, True, False, False]


def test_when_to_look_again() -> None:
    timed = seat("a", trigger=Trigger(interval_seconds=600, silence_seconds=90), spoke_at=NOON - timedelta(seconds=100))
    floor = replace(FLOOR, last_at=NOON - timedelta(seconds=30))
    assert next_look(ROOM, [seat("b"), timed], floor) == NOON + timedelta(seconds=60)
    assert next_look(ROOM, [seat("b", trigger=Trigger(message_count=1))], floor) is None
    assert next_look(ROOM, [timed], replace(floor, monologue=3)) is None
    overdue = replace(timed, spoke_at=NOON - timedelta(hours=1))
    assert next_look(ROOM, [overdue], floor) == NOON + timedelta(minutes=1)


@given(
    st.lists(st.tuples(st.sampled_from(Category), st.integers(0, 5)), max_size=6),
    st.floats(0, 1),
    st.integers(1, 3),
    st.integers(0, 4),
    st.text(alphabet="@a0123456 ", max_size=20),
)
def test_never_more_than_may(
    kinds: list[tuple[Category, int]], frequency: float, most: int, monologue: int, text: str
) -> None:
    seats = [seat(f"a{index}", kind, spoke_seq=spoke) for index, (kind, spoke) in enumerate(kinds)]
    room = replace(ROOM, ai_frequency=frequency, max_speakers=most)
    floor = replace(FLOOR, monologue=monologue)
    found = speakers(room, seats, floor, said(text))
    assert found == speakers(room, seats[::-1], floor, said(text))
    assert len(set(names(found))) == len(found)
    assert not found or monologue < room.monologue_limit
    if all(speaker.reason != Reason.MENTION for speaker in found):
        assert len(found) <= most
