"""What a team's run took: per role and per phase, added up from the journal's entries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.runs.journal import Entry


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls of language models and what they used. `cost` in USD, None where one of them has no known price.

    A hit is an answer that was known and took no call; a miss one that might have been.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: Decimal | None = Decimal(0)
    milliseconds: int = 0
    cache_hits: int = 0
    cache_misses: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        unknown = self.cost is None or other.cost is None
        return Spent(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost=None if unknown else (self.cost or Decimal(0)) + (other.cost or Decimal(0)),
            milliseconds=self.milliseconds + other.milliseconds,
            cache_hits=self.cache_hits + other.cache_hits,
            cache_misses=self.cache_misses + other.cache_misses,
        )

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def cost_usd(self) -> str | None:
        return None if self.cost is None else format(self.cost, "f")

    def view(self) -> JsonObject:
        return {
            "model_calls": self.calls,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cached_tokens": self.cached_tokens,
            "cost_usd": self.cost_usd,
            "model_seconds": self.milliseconds / 1000,
            "cache_hits": self.cache_hits,
            "cache_misses": self.cache_misses,
        }


Accounts = Mapping[tuple[str, str], Spent]
"""What was spent, by phase and role."""


def spent_of(usage: Json) -> Spent | None:
    """One call's share from the usage in its journal entry; None where there is none."""
    match usage:
        case {
            "input_tokens": int(read),
            "output_tokens": int(written),
            "cached_tokens": int(cached),
            "cost_usd": None | str() as cost,
            "latency_seconds": (int() | float()) as seconds,
            **more,
        }:
            price = None if cost is None else Decimal(cost)
            is_hit, is_miss = more.get("cache") == "hit", more.get("cache") == "miss"
            took = round(seconds * 1000)
            return Spent(0 if is_hit else 1, read, written, cached, price, took, int(is_hit), int(is_miss))
        case _:
            return None


def added(spent: Accounts, account: tuple[str, str], entry: Entry) -> Accounts:
    """With what an entry's call has used, where it says so."""
    used = spent_of(entry.data.get("usage"))
    return spent if used is None else {**spent, account: spent.get(account, Spent()) + used}


def total(parts: Iterable[Spent]) -> Spent:
    return sum(parts, Spent())


def by(spent: Accounts, index: int) -> JsonObject:
    """Views by phase (index 0) or by role (index 1), sorted by name."""
    names = sorted({key[index] for key in spent})
    return {name: total(part for key, part in spent.items() if key[index] == name).view() for name in names}


def taken(spent: Accounts, duration: timedelta) -> JsonObject:
    """What a run took in all, per role and per phase."""
    return {
        "duration_seconds": round(duration.total_seconds(), 3),
        **total(spent.values()).view(),
        "roles": by(spent, 1),
        "phases": by(spent, 0),
    }
