"""Who speaks next in a room. Pure: the same room, messages and seed choose the same speakers, always and everywhere."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Literal
from zoneinfo import ZoneInfo

MOST_SPEAKERS = 8
"""Agents that one message can call upon."""

COMMANDS = ("task", "debate")
"""What a message can start that begins with one of these words after a slash."""

_COMMAND = re.compile(rf"/({'|'.join(COMMANDS)})\s+(\S.*)", re.DOTALL)
_MENTION = re.compile(r"(?<![\w@./-])@([a-z0-9][a-z0-9_-]{0,62})", re.IGNORECASE)


class Category(StrEnum):
    """What an agent is in a room; those of an earlier one speak first."""

    INSTRUCTOR = "instructor"
    PARTICIPANT = "participant"
    EXTERNAL = "external"
    UTILITY = "utility"


_RANKS = {category: rank for rank, category in enumerate(Category)}


class Reason(StrEnum):
    MENTION = "mention"
    TRIGGER = "trigger"
    FREQUENCY = "frequency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """When an agent speaks unasked; conditions that are None are none.

    `message_count`: so many messages of others since its last one. `interval_seconds`: so long since its last one,
    or since it came. `silence_seconds`: so long since anybody's last one.
    """

    message_count: int | None = None
    interval_seconds: int | None = None
    silence_seconds: int | None = None
    join: Literal["or", "and"] = "or"

    @property
    def is_set(self) -> bool:
        return (self.message_count, self.interval_seconds, self.silence_seconds) != (None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Days of the week (Monday is 0) and times of day, `until` excluded; one that ends earlier spans midnight."""

    days: frozenset[int] = frozenset(range(7))
    since: time = time.min
    until: time = time.min

    def holds(self, local: datetime) -> bool:
        clock, day = local.time(), local.weekday()
        if self.since < self.until:
            return day in self.days and self.since <= clock < self.until
        return (day in self.days and clock >= self.since) or ((day - 1) % 7 in self.days and clock < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When an agent may speak unasked: within one of the windows, in the zone's time."""

    zone: str
    windows: tuple[Window, ...]

    def holds(self, at: datetime) -> bool:
        local = at.astimezone(ZoneInfo(self.zone))
        return any(window.holds(local) for window in self.windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """An agent of the room, as the room stands. `heard` counts messages of others since its own last one."""

    agent_id: str
    slug: str
    category: Category
    joined_at: datetime
    trigger: Trigger = Trigger()
    schedule: Schedule | None = None
    spoke_at: datetime | None = None
    spoke_seq: int = 0
    heard: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message that was accepted. `depth` is how many agents have called upon each other up to it; a person's is 0."""

    seq: int
    is_persons: bool
    author_id: str
    text: str
    depth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """A room's rules of speech. `ai_frequency` is 0..1; `cooldown_seconds` between two messages of one agent."""

    room_id: str
    seed: int
    ai_frequency: float = 0.0
    max_speakers: int = 1
    monologue_limit: int = 3
    mention_depth: int = 2
    cooldown_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """How the room stands: when the last message came, and how many of agents came since a person's last one."""

    at: datetime
    last_at: datetime
    monologue: int


@dataclass(frozen=True, slots=True)
class Speaker:
    agent_id: str
    reason: Reason
    depth: int = 0


def command_in(text: str) -> tuple[str, str] | None:
    """The command that a message is, and what it is about."""
    found = _COMMAND.fullmatch(text.strip())
    return (found[1], found[2]) if found else None


def mentions(text: str) -> tuple[str, ...]:
    """The slugs that a text calls upon with @, in order, each once."""
    return tuple(dict.fromkeys(found.lower() for found in _MENTION.findall(text)))


def speaks_by_chance(manners: Manners, seq: int, agent_id: str) -> bool:
    """A draw with probability `ai_frequency` that comes out the same whenever it is made again."""
    drawn = sha256(f"{manners.room_id}:{seq}:{agent_id}:{manners.seed}".encode()).digest()[:8]
    return int.from_bytes(drawn) / 2**64 < manners.ai_frequency


def holds(trigger: Trigger, seat: Seat, floor: Floor) -> bool:
    """False where no condition is set."""
    conditions: list[bool] = []
    if trigger.message_count is not None:
        conditions.append(seat.heard >= trigger.message_count)
    if trigger.interval_seconds is not None:
        conditions.append(floor.at - (seat.spoke_at or seat.joined_at) >= timedelta(seconds=trigger.interval_seconds))
    if trigger.silence_seconds is not None:
        conditions.append(floor.at - floor.last_at >= timedelta(seconds=trigger.silence_seconds))
    if not conditions:
        return False
    return any(conditions) if trigger.join == "or" else all(conditions)


def speakers(manners: Manners, seats: Sequence[Seat], floor: Floor, said: Said | None) -> tuple[Speaker, ...]:
    """Who speaks after a message, or, without one, because time has passed; in the order in which they do.

    Nobody once agents have talked among themselves up to the monologue's limit.
    """
    if floor.monologue >= manners.monologue_limit:
        return ()
    called = _called(manners, seats, floor, said) if said else ()
    return called or _unasked(manners, seats, floor, said)


def _called(manners: Manners, seats: Sequence[Seat], floor: Floor, said: Said) -> tuple[Speaker, ...]:
    if not said.is_persons and said.depth >= manners.mention_depth:
        return ()
    by_slug = {seat.slug: seat for seat in seats if seat.agent_id != said.author_id}
    found = [by_slug[slug] for slug in mentions(said.text) if slug in by_slug]
    rested = [seat for seat in found if said.is_persons or not _is_cooling(manners, seat, floor)]
    depth = 0 if said.is_persons else said.depth + 1
    return tuple(Speaker(seat.agent_id, Reason.MENTION, depth) for seat in rested[:MOST_SPEAKERS])


def _unasked(manners: Manners, seats: Sequence[Seat], floor: Floor, said: Said | None) -> tuple[Speaker, ...]:
    found: list[tuple[Seat, Reason]] = []
    for seat in seats:
        reason = _reason(manners, seat, floor, said)
        if reason is not None:
            found.append((seat, reason))
    found.sort(key=lambda one: (_RANKS[one[0].category], one[0].spoke_seq, one[0].agent_id))
    return tuple(Speaker(seat.agent_id, reason) for seat, reason in found[: min(manners.max_speakers, MOST_SPEAKERS)])


def _reason(manners: Manners, seat: Seat, floor: Floor, said: Said | None) -> Reason | None:
    is_author = said is not None and said.author_id == seat.agent_id
    is_off = seat.schedule is not None and not seat.schedule.holds(floor.at)
    if is_author or is_off or _is_cooling(manners, seat, floor):
        return None
    if seat.trigger.is_set:
        return Reason.TRIGGER if holds(seat.trigger, seat, floor) else None
    return Reason.FREQUENCY if said is not None and speaks_by_chance(manners, said.seq, seat.agent_id) else None


def _is_cooling(manners: Manners, seat: Seat, floor: Floor) -> bool:
    return seat.spoke_at is not None and floor.at - seat.spoke_at < timedelta(seconds=manners.cooldown_seconds)


def next_look(manners: Manners, seats: Collection[Seat], floor: Floor) -> datetime | None:
    """When time alone may make somebody speak: the first moment at which a timed condition comes true.

    None where none can, so that a room in which nothing is timed, or agents have had their say, costs nothing.
    A condition that is true already but is held up (by a schedule, a cooldown, another condition) is looked at again
    a minute later.
    """
    if floor.monologue >= manners.monologue_limit:
        return None
    moments = [at for seat in seats for at in _moments(seat, floor)]
    later = floor.at + timedelta(minutes=1)
    return min((at if at > floor.at else later for at in moments), default=None)


def _moments(seat: Seat, floor: Floor) -> list[datetime]:
    moments = []
    if seat.trigger.interval_seconds is not None:
        moments.append((seat.spoke_at or seat.joined_at) + timedelta(seconds=seat.trigger.interval_seconds))
    if seat.trigger.silence_seconds is not None:
        moments.append(floor.last_at + timedelta(seconds=seat.trigger.silence_seconds))
    return moments
