"""Names to addresses, every one of them judged before any is connected to."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

from folkmoot.net.addresses import Address, Allowed, address_in
from folkmoot.net.faults import AddressRefused, OutgoingFailed
from folkmoot.net.rules import Target, check_address, check_target, not_public

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""All addresses of a name, as text; raises OSError (socket.gaierror) where there is none to be had."""

_MAX_LOOKUPS = 16
_NO_SUCH_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Guard:
    """Judges where a call would go: the URL before, the addresses of its name right when it connects."""

    allowed: Allowed
    resolver: Resolver

    def check(self, target: Target) -> None:
        """Raises AddressRefused."""
        check_target(target, self.allowed)
        if target.address is not None and not self.allowed.has_name(target.host, target.port):
            self._check_own(target.host, target.address, target.port)

    async def addresses(self, host: str, port: int) -> list[Address]:
        """All addresses of a name. Raises AddressRefused if one of them may not be called, OutgoingFailed."""
        try:
            found = [address_in(text) for text in await self.resolver(host, port)]
        except socket.gaierror as error:
            if error.errno in _NO_SUCH_NAME:
                raise not_public() from None
            raise OutgoingFailed(f"The name {host} cannot be looked up right now") from None
        except OSError:
            raise OutgoingFailed(f"The name {host} cannot be looked up right now") from None
        addresses = [address for address in found if address is not None]
        if not addresses or len(addresses) < len(found):
            raise not_public()
        if not self.allowed.has_name(host, port):
            for address in addresses:
                self._check(host, address, port)
        return addresses

    def _check(self, host: str, address: Address, port: int) -> None:
        try:
            check_address(address, port, self.allowed)
        except AddressRefused:
            _log.warning("an outgoing call to %s was refused: it resolves to %s", host, address)
            raise
        self._check_own(host, address, port)

    def _check_own(self, host: str, address: Address, port: int) -> None:
        if is_own(address) and not self.allowed.has_address(address, port):
            _log.warning("an outgoing call to %s was refused: %s is this machine", host, address)
            raise not_public()


def is_own(address: Address) -> bool:
    """Whether this is an address of this machine, whose firewall a call from inside would pass. Sends nothing."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))
            return address_in(probe.getsockname()[0]) == address
    except OSError:
        return False  # no way there: nothing to protect


class SystemResolver:
    """The machine's own resolver. Its lookups cannot be ended, so they run in daemon threads that hold up no
    shutdown, apart from the threads others share, and only so many at a time."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_MAX_LOOKUPS)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str]] = loop.create_future()

        def look_up() -> None:
            try:
                infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
                outcome: list[str] | OSError = [str(info[4][0]) for info in infos]
            except OSError as error:
                outcome = error
            except UnicodeError:
                outcome = socket.gaierror(socket.EAI_NONAME, "not a name")
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._end, answer, outcome)

        Thread(target=look_up, name="look up", daemon=True).start()
        return await answer

    def _end(self, answer: "asyncio.Future[list[str]]", outcome: list[str] | OSError) -> None:
        self._free.release()
        if answer.done():
            return
        if isinstance(outcome, OSError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)
