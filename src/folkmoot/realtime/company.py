"""Who is in the rooms that are followed at this process, and who is typing there: told to each socket there.

Nothing of it is an event of the log, and nothing is queued: a socket that is one change behind is told that change, and
one that is further behind all of it. The rows say who is there at which process; a wake by the relay says only "look".
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from folkmoot.kernel.errors import Unavailable
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.rooms.member_schemas import PresentPerson
from folkmoot.rooms.presence import Place, move_people, places_of, present_in, typists_among
from folkmoot.runtime import Runtime

TOPIC = "company"
"""What is told is a room's id, or a room's and the id of who is typing in it: as short as a wake has to be."""
TYPING_SECONDS = 5
"""How long somebody counts as typing who was said to."""
TYPING_EVERY_SECONDS = 2.0
"""A socket's typing in a room is passed on at most so often."""

_SECONDS = 1.0  # a process that dies tells nobody
_PAUSE_SECONDS = 0.05
_FRESH_SECONDS = 0.05
_AT_ONCE = 500

Told = tuple[str, str]
"""What kind of frame it is, and its text."""
Sees = Callable[[frozenset[str]], Awaitable[frozenset[str]]]

_log = logging.getLogger(__name__)


class Hall:
    """A room as it was last seen, in versions: `change` is what has made the newest of the one before."""

    def __init__(self, room_id: str) -> None:
        self.version = 0
        self.whole = self.change = ""
        self.seats = set[Seat]()
        self._room_id = room_id
        self._people: dict[str, PresentPerson] = {}

    def see(self, people: Sequence[PresentPerson]) -> None:
        """A new version, where somebody has come or gone, or is called or may something else now."""
        known, self._people = self._people, {person.user_id: person for person in people}
        here = [person for person in people if _shown(known.get(person.user_id)) != _shown(person)]
        gone = [user_id for user_id in known if user_id not in self._people]
        if self.version == 0 or here or gone:
            self.version += 1
            self.whole = self._frame(people, [], reset=True)
            self.change = self._frame(here, gone, reset=False)

    def seat_all(self, at: float) -> None:
        """Who has a seat and is in the room may be told; who is out of it may not, from now on."""
        for seat in self.seats:
            seat.seen_at = at if seat.attendance.user_id in self._people else None
            if seat.has_news:
                seat.attendance.news.set()

    def _frame(self, here: Sequence[PresentPerson], gone: Sequence[str], *, reset: bool) -> str:
        people = [person.model_dump(mode="json") for person in here]
        return dumps({"type": "presence", "room_id": self._room_id, "reset": reset, "here": people, "gone": [*gone]})


def _shown(person: PresentPerson | None) -> tuple[str, str] | None:
    return None if person is None else (person.name, person.role)


class Seat:
    """One socket or stream in one room: which version it was told, who is typing, and when it last belonged there."""

    def __init__(self, hall: Hall, attendance: "Attendance") -> None:
        self.hall = hall
        self.attendance = attendance
        self.told = 0
        self.typing: dict[str, tuple[float, str]] = {}
        self.seen_at: float | None = None

    @property
    def has_news(self) -> bool:
        return self.seen_at is not None and (self.told != self.hall.version or bool(self.typing))

    def take(self, at: float) -> list[Told]:
        found: list[Told] = []
        if self.told != self.hall.version:
            is_next = self.told > 0 and self.told == self.hall.version - 1
            found.append(("presence", self.hall.change if is_next else self.hall.whole))
            self.told = self.hall.version
        found += [("typing", text) for since, text in self.typing.values() if at - since < TYPING_SECONDS]
        self.typing.clear()
        return found


class Attendance:
    """One socket's or stream's seats, all of one person's. `sees` says of which rooms he is at this moment."""

    def __init__(self, company: "Company", user_id: str, sees: Sees) -> None:
        self.user_id = user_id
        self.news = asyncio.Event()
        self._company = company
        self._sees = sees
        self._seats: dict[str, Seat] = {}
        self._typed_at: dict[str, float] = {}

    def sit(self, room_id: str) -> None:
        if room_id not in self._seats:
            self._seats[room_id] = self._company.seat(room_id, self)

    def leave(self, room_id: str) -> None:
        if (seat := self._seats.pop(room_id, None)) is not None:
            self._company.free(room_id, seat)

    def leave_all(self) -> None:
        for room_id in tuple(self._seats):
            self.leave(room_id)

    async def next(self) -> list[Told]:
        """What there is to tell, once there is something."""
        while True:
            await self.news.wait()
            self.news.clear()
            seats = await self._sure({room: seat for room, seat in self._seats.items() if seat.has_news})
            at = asyncio.get_running_loop().time()
            if found := [told for seat in seats for told in seat.take(at)]:
                return found

    async def _sure(self, seats: dict[str, Seat]) -> list[Seat]:
        """Those of rooms that the person is in now: asked anew where the socket took long to take what came before."""
        at = asyncio.get_running_loop().time()
        late = frozenset(room for room, seat in seats.items() if at - (seat.seen_at or 0.0) > _FRESH_SECONDS)
        try:
            out = late - await self._sees(late) if late else late
        except Unavailable:  # it is told when the database answers again
            out = late
        return [seat for room, seat in seats.items() if room not in out]

    def is_typing(self, room_id: str) -> bool:
        """Whether that is to be passed on: again and again it is not."""
        at = asyncio.get_running_loop().time()
        if at - self._typed_at.get(room_id, -TYPING_EVERY_SECONDS) < TYPING_EVERY_SECONDS:
            return False
        self._typed_at[room_id] = at
        return True


class Company:
    """All of the process: looked at when somebody comes or goes, and once a second; never while no room is followed."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._halls: dict[str, Hall] = {}
        self._typed: set[Place] = set()
        self._news = asyncio.Event()
        self._is_settled = True
        self._watch: asyncio.Task[None] | None = None
        runtime.relay.listen(TOPIC, self._hear)

    def attend(self, user_id: str, sees: Sees) -> Attendance:
        """For one socket or stream, which leaves its seats when it is closed."""
        return Attendance(self, user_id, sees)

    def seat(self, room_id: str, attendance: Attendance) -> Seat:
        hall = self._halls.get(room_id)
        if hall is None:
            hall = self._halls[room_id] = Hall(room_id)
        seat = Seat(hall, attendance)
        hall.seats.add(seat)
        self._unsettle()
        return seat

    def free(self, room_id: str, seat: Seat) -> None:
        seat.hall.seats.discard(seat)
        if not seat.hall.seats and self._halls.get(room_id) is seat.hall:
            del self._halls[room_id]
        self._unsettle()

    def tell_typing(self, room_id: str, user_id: str) -> None:
        """Here and everywhere; who may not speak in the room is shown nowhere."""
        self._note_typing(room_id, user_id)
        self._runtime.relay.tell(TOPIC, f"{room_id} {user_id}", once=True)

    def _note_typing(self, room_id: str, user_id: str) -> None:
        if room_id in self._halls:
            self._typed.add((room_id, user_id))
            self._news.set()

    def _hear(self, text: str) -> None:
        """What another process said; nothing for "look at all": the relay was gone for a while."""
        room_id, _, user_id = text.partition(" ")
        if user_id:
            self._note_typing(room_id, user_id)
        elif not room_id or room_id in self._halls:
            self._news.set()

    def _unsettle(self) -> None:
        self._is_settled = False
        self._news.set()
        if self._watch is None or self._watch.done():
            self._watch = self._runtime.supervisor.start(self._look_after(), "who is in rooms")

    async def _look_after(self) -> None:
        while self._halls or not self._is_settled:
            self._news.clear()
            try:
                await self._look()
            except Unavailable as problem:
                _log.warning("who is in rooms has to wait: %s", problem.detail)
            await asyncio.sleep(_PAUSE_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(_SECONDS if self._halls or not self._is_settled else 0):
                    await self._news.wait()

    async def _look(self) -> None:
        await self._settle()
        db, host_id = self._runtime.db, self._runtime.host_id
        typed, self._typed = self._typed, set()
        room_ids = sorted(self._halls)
        for start in range(0, len(room_ids), _AT_ONCE):
            some = room_ids[start : start + _AT_ONCE]
            present = await db.read_long(present_in, some, host_id)
            at = asyncio.get_running_loop().time()
            for room_id in some:
                if (hall := self._halls.get(room_id)) is not None:
                    hall.see(present.get(room_id, []))
                    hall.seat_all(at)
        await self._show_typing(typed)

    async def _settle(self) -> None:
        """Make the rows of this process what they are to be, some at a time, and have others look."""
        db, host_id = self._runtime.db, self._runtime.host_id
        stored = await db.read_long(places_of, host_id)
        wanted = {(room_id, seat.attendance.user_id) for room_id, hall in self._halls.items() for seat in hall.seats}
        arriving, leaving = sorted(wanted - stored), sorted(stored - wanted)
        self._is_settled = len(arriving) <= _AT_ONCE and len(leaving) <= _AT_ONCE
        if arriving or leaving:
            try:
                await db.write(move_people, host_id, arriving[:_AT_ONCE], leaving[:_AT_ONCE])
            except Unavailable:
                self._is_settled = False
                raise
            for room_id in dict.fromkeys(room_id for room_id, _ in (*arriving[:_AT_ONCE], *leaving[:_AT_ONCE])):
                self._runtime.relay.tell(TOPIC, room_id, once=True)

    async def _show_typing(self, typed: set[Place]) -> None:
        if not typed:
            return
        typists = await self._runtime.db.read_long(typists_among, typed)
        at = asyncio.get_running_loop().time()
        for typist in typists:
            room_id, user_id = typist.room_id, typist.member_id
            about: JsonObject = {"room_id": room_id, "user_id": user_id, "name": typist.name}
            text = dumps({"type": "typing", **about, "expires_in_seconds": TYPING_SECONDS})
            hall = self._halls.get(room_id)
            for seat in hall.seats if hall is not None else ():
                if seat.attendance.user_id != user_id:
                    seat.typing[user_id] = (at, text)
                    seat.attendance.news.set()
