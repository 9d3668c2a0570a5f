"""Why a call of a run is not made now, and what a kind of run sees of whoever pays for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from folkmoot.llm.gateway import Account
from folkmoot.usage.events import BudgetExceeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A budget over the run is used up. `is_stop`: the run is to end by it instead of waiting for a person."""

    fact: BudgetExceeded
    is_stop: bool = False


class CallHeld(Exception):
    """The call may not be made: raised by its account."""

    def __init__(self, held: Held) -> None:
        self.held = held
        super().__init__(held.fact.reason)


class CallLater(Exception):
    """The call may be made then, perhaps: raised by its account."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        super().__init__(at.isoformat())


class CallAccount(Account, Protocol):
    """Who pays for a call of a run."""

    async def give_back(self) -> None:
        """What was set aside for a call that is to be asked again later, but for what its tries took."""
