"""The client for every outgoing URL that a user or a model can influence: public addresses only, on every hop."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib import import_module
from ssl import SSLContext
from typing import Protocol, cast

from folkmoot.net.addresses import allowed_of
from folkmoot.net.calls import Answer, Call, Incoming, Limits, check_headers, redirected
from folkmoot.net.faults import OutgoingTimeout, TooManyRedirects
from folkmoot.net.resolving import Guard, Resolver, SystemResolver
from folkmoot.net.rules import Target, follow, parse_target

_REDIRECTS = (301, 302, 303, 307, 308)


class Wire(Protocol):
    """HTTP itself, loaded at the first call."""

    def hop(self, call: Call, target: Target, limits: Limits) -> AbstractAsyncContextManager[Incoming]: ...

    async def aclose(self) -> None: ...


class GuardedClient:
    """Built once; belongs to the event loop of its first call, and costs nothing before it.

    `allowed` are what may be called although it is not public (see `allowed_of`, which raises ValueError). It keeps
    no cookies and asks no proxy; `tls` replaces the system's certificates.
    """

    def __init__(
        self,
        allowed: Sequence[str] = (),
        *,
        user_agent: str = "Folkmoot",
        limits: Limits | None = None,
        resolver: Resolver | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        self._guard = Guard(allowed_of(allowed), resolver or SystemResolver())
        self._limits = limits or Limits()
        self._user_agent = user_agent
        self._tls = tls
        self._wire: Wire | None = None

    def check(self, url: str) -> str:
        """The URL in its one canonical form, for what is stored and called later; its name is not looked up.

        Raises AddressRefused.
        """
        target = parse_target(url)
        self._guard.check(target)
        return target.url

    async def request(self, call: Call) -> Answer:
        """The whole answer, whatever its status.

        Raises AddressRefused, HeaderRefused, TooManyRedirects, OutgoingTooLarge, OutgoingTimeout, OutgoingFailed
        (CertificateRefused among them).
        """
        async with self.stream(call) as incoming:
            return Answer(incoming.status, incoming.headers, await incoming.read(), incoming.url)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncGenerator[Incoming]:
        """The answer with its body to be read in the block, all of which counts as time of the call.

        Raises as `request` does, inside the block too.
        """
        check_headers(call.headers)
        limits = call.limits or self._limits
        try:
            async with asyncio.timeout(limits.total) as timeout, AsyncExitStack() as last_hop:
                yield await self._followed(call, limits, last_hop)
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise OutgoingTimeout("The called server did not finish its answer in time") from error

    async def aclose(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.aclose()

    async def _followed(self, call: Call, limits: Limits, hop: AsyncExitStack) -> Incoming:
        """The answer where the redirects end; the connections before it are closed, its own is left to the stack."""
        target = parse_target(call.url)
        wire = await self._loaded()
        for _ in range(limits.redirects + 1):
            self._guard.check(target)
            incoming = await hop.enter_async_context(wire.hop(call, target, limits))
            location = incoming.headers.get("location")
            if incoming.status not in _REDIRECTS or location is None or limits.redirects == 0:
                return incoming
            await hop.aclose()
            there = follow(target, location)
            call, target = redirected(call, incoming.status, target, there), there
        raise TooManyRedirects(f"The called server redirects more than {limits.redirects} times")

    async def _loaded(self) -> Wire:
        if self._wire is None:
            module = await asyncio.to_thread(import_module, "folkmoot.net.wire")
            if self._wire is None:  # another call may have been first
                self._wire = cast(Wire, module.open_wire(self._guard, self._user_agent, self._tls))
        return self._wire


def open_client(allowed: Sequence[str], version: str) -> GuardedClient:
    """As the operator's settings say; raises ValueError naming a wrong entry."""
    return GuardedClient(allowed, user_agent=f"Folkmoot/{version}")
