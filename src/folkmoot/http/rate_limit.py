"""The rate limit: so many requests a minute for each caller, where the operator sets one."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_network
from time import monotonic

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from folkmoot.http.access_log import Caller
from folkmoot.http.render import answer
from folkmoot.kernel.errors import Problem

CALLERS = 10_000
_EXEMPT = ("/api/health", "/api/health/live", "/api/health/ready")


class RateLimitReached(Problem):
    """Too many requests"""

    status = 429
    retryable = True
    hint = "Wait as long as Retry-After says; the operator sets RATE_LIMIT_PER_MINUTE"


class Bucket:
    """Token buckets of many callers: a minute's worth at once, filled again evenly.

    A caller is one number, the time at which its bucket is full again. Beyond CALLERS the one that was quiet
    longest is forgotten, which can only be in its favour.
    """

    def __init__(self, per_minute: int) -> None:
        self._interval = 60 / per_minute
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def seconds_to_wait(self, name: str, at: float) -> float:
        """0 where a request may pass, which it then has; else how long until one may."""
        full_at = max(at, self._full_at.get(name, at)) + self._interval
        too_early = full_at - at - 60
        if too_early > self._interval / 1000:  # not 0: sums of intervals are not exact
            return too_early
        self._full_at[name] = full_at
        self._full_at.move_to_end(name)
        if len(self._full_at) > CALLERS:
            self._full_at.popitem(last=False)
        return 0.0


class RateLimit:
    """Answers 429 with Retry-After; a caller is an account, or an address where there is none. Health is exempt.

    It stands after the door, which says who calls and refuses strangers itself, and counts in this process only.
    """

    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        self.app = app
        self._bucket = Bucket(per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"] not in _EXEMPT:
            seconds = self._bucket.seconds_to_wait(_name(scope), monotonic())
            if seconds > 0:
                problem = RateLimitReached(retry_after_seconds=round(seconds, 3))
                await answer(HTTPConnection(scope), problem)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _name(scope: Scope) -> str:
    caller: Caller | None = scope["state"].get("caller")
    if caller is not None:
        return caller.actor.id
    client = scope.get("client")
    return network(client[0]) if client else "-"


def network(address: str) -> str:
    """The address; of IPv6 the /64, which is what one subscriber gets."""
    if ":" not in address:
        return address
    try:
        return str(ip_network((int(IPv6Address(address.partition("%")[0])), 64), strict=False))
    except ValueError:
        return address
