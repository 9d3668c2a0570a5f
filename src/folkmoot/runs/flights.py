"""What a driver remembers beside the journal: what is in flight, what is tried again later, who works against time."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta

from folkmoot.kernel.clock import now
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.runs.held import Held
from folkmoot.runs.journal import Call, Fault, Outcome, Use

Flight = asyncio.Task[Outcome]

TIMED_OUT = Outcome(fault=Fault(code="timed_out", sentence="It took longer than it may, and was cut off"))


class Flights:
    """Of one run under one claim.

    Once a call is `held` nothing more is to be started.
    The clock of a group with a limit starts with the first of its actions and stops for nothing: tries that are
    put off and tools are part of it.
    """

    def __init__(self, supervisor: Supervisor, news: asyncio.Event) -> None:
        self._supervisor = supervisor
        self._news = news
        self.flying: dict[str, tuple[Call | Use, Flight]] = {}
        self._later: dict[str, tuple[Call | Use, datetime]] = {}
        self._until: dict[str, datetime] = {}
        self.held: Held | None = None

    def __bool__(self) -> bool:
        """Whether anything is in flight."""
        return bool(self.flying)

    @property
    def later(self) -> dict[str, datetime]:
        """When what was put off may be tried again, by its key."""
        return {key: at for key, (_, at) in self._later.items()}

    @property
    def against_time(self) -> bool:
        """Whether something that was put off has to be done before its group's time is up."""
        return any(action.group in self._until for action, _ in self._later.values())

    def has(self, key: str) -> bool:
        """Whether it is in flight, or not yet to be tried again."""
        return key in self.flying or (key in self._later and self._later[key][1] > now())

    def is_late(self, action: Call | Use) -> bool:
        """Whether the action's group has used up its time; its clock starts here if it has not yet."""
        if action.limit_seconds is not None:
            self._until.setdefault(action.group, now() + timedelta(seconds=action.limit_seconds))
        return action.group in self._until and self._until[action.group] <= now()

    def stop_clock(self, group: str) -> None:
        """The group waits for somebody else: what it does after that has its whole time again."""
        self._until.pop(group, None)

    def start(self, action: Call | Use, work: Coroutine[object, object, Outcome], name: str) -> None:
        self._later.pop(action.key, None)
        flight = self._supervisor.start(work, name)
        flight.add_done_callback(lambda _: self._news.set())
        self.flying[action.key] = (action, flight)

    def land(self) -> list[tuple[Call | Use, Outcome]]:
        """What has come of what was in flight, with a fault for what was late. Raises what a flight raised."""
        landed = []
        for key, (action, flight) in [*self.flying.items()]:
            if flight.done():
                del self.flying[key]
                outcome = flight.result()
                if outcome.held is not None:
                    self.held = outcome.held
                elif outcome.retry_at is not None:
                    self._later[key] = (action, outcome.retry_at)
                else:
                    landed.append((action, outcome))
        return landed + self._cut()

    def _cut(self) -> list[tuple[Call | Use, Outcome]]:
        late = [action for action, _ in (*self.flying.values(), *self._later.values()) if self.is_late(action)]
        for action in late:
            self._later.pop(action.key, None)
            if action.key in self.flying:
                self.flying.pop(action.key)[1].cancel()
        return [(action, TIMED_OUT) for action in late]

    def moments(self) -> list[datetime]:
        """When something has to be looked at again, if nothing lands before."""
        held = [action for action, _ in (*self.flying.values(), *self._later.values())]
        return [self._until[action.group] for action in held if action.group in self._until]

    def cancel(self) -> None:
        for _, flight in self.flying.values():
            flight.cancel()
