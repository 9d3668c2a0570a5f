"""What a team's run took: per role and per phase, added up from the journal's entries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from folkmoot.kernel.json import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls of language models and what they used. `cost` in USD, None where one of them has no known price."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: Decimal | None = Decimal(0)
    milliseconds: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        unknown = self.cost is None or other.cost is None
        return Spent(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost=None if unknown else (self.cost or Decimal(0)) + (other.cost or Decimal(0)),
            milliseconds=self.milliseconds + other.milliseconds,
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
        }


def spent_of(usage: Json) -> Spent | None:
    """One call's share from the usage in its journal entry; None where there is none."""
    match usage:
        case {
            "input_tokens": int(read),
            "output_tokens": int(written),
            "cached_tokens": int(cached),
            "cost_usd": None | str() as cost,
            "latency_seconds": (int() | float()) as seconds,
        }:
            price = None if cost is None else Decimal(cost)
            return Spent(1, read, written, cached, price, round(seconds * 1000))
        case _:
            return None


def total(parts: Iterable[Spent]) -> Spent:
    return sum(parts, Spent())


def by(spent: Mapping[tuple[str, str], Spent], index: int) -> JsonObject:
    """Views by phase (index 0) or by role (index 1), sorted by name."""
    names = sorted({key[index] for key in spent})
    return {name: total(part for key, part in spent.items() if key[index] == name).view() for name in names}
