"""What a token costs: genai-prices asked once per model, since a look-up takes a tenth of a call's time."""

from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price
from genai_prices.types import PriceCalculation

from folkmoot.llm.choice import Place
from folkmoot.llm.settings import TokenPrices

_MILLION = Decimal(1_000_000)


class Price(Protocol):
    def cost(self, read: int, cached: int, written: int) -> Decimal:
        """USD for so many tokens; `cached` is a part of `read`."""


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """USD per token."""

    read: Decimal
    cached: Decimal
    written: Decimal

    def cost(self, read: int, cached: int, written: int) -> Decimal:
        return (read - cached) * self.read + cached * self.cached + written * self.written


@dataclass(frozen=True, slots=True)
class TieredPrice:
    """A price that steps with the number of tokens: looked up for every call."""

    place: Place
    model: str

    def cost(self, read: int, cached: int, written: int) -> Decimal:
        return _look_up(self.place, self.model, read, cached, written).total_price


FREE = UnitPrice(Decimal(0), Decimal(0), Decimal(0))


def find_price(place: Place, model: str, own: TokenPrices | None = None) -> Price | None:
    """The price of a model at a place: what was said it is, nothing on one's own machines, None where nobody knows."""
    if own is not None:
        kept = own.input if own.cached is None else own.cached
        return UnitPrice(own.input / _MILLION, kept / _MILLION, own.output / _MILLION)
    if place.provider == "ollama" or is_local(place.url):
        return FREE
    try:
        price = _look_up(place, model, 1, 0, 1).model_price
    except LookupError:
        return None
    read, written = getattr(price, "input_mtok", None), getattr(price, "output_mtok", None)
    cached = getattr(price, "cache_read_mtok", None) or read
    if isinstance(read, Decimal) and isinstance(written, Decimal) and isinstance(cached, Decimal):
        return UnitPrice(read / _MILLION, cached / _MILLION, written / _MILLION)
    return TieredPrice(place, model)


def is_local(url: str) -> bool:
    """Whether the address is of this machine or a private network, by its name alone."""
    host = (urlsplit(url).hostname or "").lower()
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost", ".lan"))


def _look_up(place: Place, model: str, read: int, cached: int, written: int) -> PriceCalculation:
    """Raises LookupError where the library knows no such provider or model."""
    usage = PricedUsage(input_tokens=read, cache_read_tokens=cached or None, output_tokens=written)
    return calc_price(usage, model, provider_api_url=place.url)
