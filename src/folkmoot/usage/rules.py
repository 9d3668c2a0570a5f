"""The arithmetic of budgets, pure: what fits, what is kept back, and when a day begins."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class BudgetScope(StrEnum):
    """What a budget is for; a run's covers the runs below it too."""

    RUN = "run"
    DEBATE = "debate"
    AGENT = "agent"
    PROJECT = "project"
    WORKSPACE = "workspace"


class Period(StrEnum):
    """A budget for once and all, or one that begins anew with every day in UTC."""

    TOTAL = "total"
    DAY = "day"


class OnExceeded(StrEnum):
    """What a run does that meets the end of its budget: wait for a person, or end with what it has."""

    PAUSE = "pause"
    STOP = "stop"


class Verdict(StrEnum):
    """Whether a call may be made: `busy` is only for now, until others have said what they took."""

    FITS = "fits"
    BUSY = "busy"
    EXCEEDED = "exceeded"
    UNKNOWN_PRICE = "unknown_price"


CLOSING_SHARE = Decimal("0.1")
"""The part of a budget that stops its runs which is kept back for a run's closing call."""


@dataclass(frozen=True, slots=True)
class Amount:
    """US dollars and tokens, of both directions."""

    usd: Decimal = Decimal(0)
    tokens: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.usd + other.usd, self.tokens + other.tokens)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.usd - other.usd, self.tokens - other.tokens)


NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a budget allows; None is any number. `kept_back` is open to closing calls only."""

    usd: Decimal | None
    tokens: int | None
    kept_back: Decimal = Decimal(0)

    def hold(self, amount: Amount, *, is_closing: bool) -> bool:
        share = Decimal(1) if is_closing else 1 - self.kept_back
        fits_usd = self.usd is None or amount.usd <= self.usd * share
        return fits_usd and (self.tokens is None or amount.tokens <= self.tokens * share)


@dataclass(frozen=True, slots=True)
class Balance:
    """Where a budget stands: what was used, and what is set aside for calls that have not come back."""

    used: Amount = NOTHING
    reserved: Amount = NOTHING

    def judge(self, limits: Limits, asked: Amount, *, is_priced: bool, is_closing: bool) -> Verdict:
        """Whether so much more may be set aside."""
        if limits.usd is not None and not is_priced:
            return Verdict.UNKNOWN_PRICE
        if limits.hold(self.used + self.reserved + asked, is_closing=is_closing):
            return Verdict.FITS
        return Verdict.BUSY if limits.hold(self.used + asked, is_closing=is_closing) else Verdict.EXCEEDED

    def set_aside(self, amount: Amount) -> "Balance":
        return Balance(self.used, self.reserved + amount)

    def settled(self, set_aside: Amount, taken: Amount) -> "Balance":
        return Balance(self.used + taken, self.reserved - set_aside)


def limits_of(usd: Decimal | None, tokens: int | None, on_exceeded: str) -> Limits:
    return Limits(usd, tokens, CLOSING_SHARE if on_exceeded == OnExceeded.STOP else Decimal(0))


def window_of(period: str, at: datetime) -> datetime | None:
    """When the period began that `at` is in; None where there is but one. `at` is in UTC."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0) if period == Period.DAY else None
