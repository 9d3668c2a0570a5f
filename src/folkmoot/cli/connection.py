"""How a command reaches the API: through the server that holds the data, or by holding the data itself."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

from folkmoot.accounts.kept import ADMIN_TOKEN_FILE, find_kept
from folkmoot.cli.client import Client, client_at
from folkmoot.cli.problems import BadUsage, ConnectionLost, Refused
from folkmoot.cli.process import Signals
from folkmoot.cli.screen import Screen
from folkmoot.engine.holder import HeldByAnother, HolderInfo, read_holder
from folkmoot.kernel.settings import Settings, load_settings

_POLL_SECONDS = 0.2
_SERVER_TRIES = 50


@asynccontextmanager
async def connect(screen: Screen, signals: Signals, *, works: bool = False) -> AsyncIterator[Client]:
    """A client of the API, whoever serves it. Waits, and says so, while another command holds the data.

    Only a command that `works` takes up runs when it becomes the holder: looking at them must not start any.
    """
    settings = load_settings()
    async with AsyncExitStack() as stack:
        yield await _open(settings, screen, partial(_hold, settings, signals, works), stack)


@asynccontextmanager
async def connect_as(screen: Screen, token: str | None, address: str | None) -> AsyncIterator[Client]:
    """A client of a server that runs, by default of the one that holds the data, let in by a token of one's own.

    Raises BadUsage where no server is known.
    """
    if address is None:
        settings = load_settings()
        holder = None if settings.is_postgres else await until_free(settings, screen)
        if holder is None or holder.address is None:
            raise BadUsage("No server is known here; name it with --server")
        address = _near(holder.address)
    async with client_at(address, token) as client:
        yield client


Hold = Callable[[], AbstractAsyncContextManager[Client]]


def _hold(settings: Settings, signals: Signals, works: bool) -> AbstractAsyncContextManager[Client]:
    """The app and all it needs are loaded only by a command that has to be the server."""
    holding = importlib.import_module("folkmoot.cli.holding")
    held: AbstractAsyncContextManager[Client] = holding.hold(settings, signals, works=works)
    return held


async def _open(settings: Settings, screen: Screen, hold: Hold, stack: AsyncExitStack) -> Client:
    while True:
        holder = None if settings.is_postgres else await until_free(settings, screen)
        if holder is not None and holder.address is not None:
            token = find_kept(settings.data_dir / ADMIN_TOKEN_FILE)
            client = await stack.enter_async_context(client_at(_near(holder.address), token))
            await _until_it_answers(client, holder)
            return client
        try:
            client = await stack.enter_async_context(hold())
        except HeldByAnother:
            await asyncio.sleep(_POLL_SECONDS)
        else:
            return client


def _near(address: str) -> str:
    """Where a server on all addresses of this machine is reached from it."""
    return address.replace("://0.0.0.0:", "://127.0.0.1:").replace("://[::]:", "://[::1]:")


async def until_free(settings: Settings, screen: Screen) -> HolderInfo | None:
    """The server that holds the data, or None once nobody does: a command that holds it is waited for."""
    has_said = False
    while (holder := read_holder(settings.data_dir)) is not None and holder.address is None:
        # A holder without a pid has the lock but has not yet written who it is.
        if holder.pid and not has_said:
            has_said = True
            screen.say(f"another folkmoot command (process {holder.pid}) works on {settings.data_dir}; waiting for it")
        await asyncio.sleep(_POLL_SECONDS)
    return holder


async def _until_it_answers(client: Client, holder: HolderInfo) -> None:
    """A server takes the lock a moment before it listens."""
    for _ in range(_SERVER_TRIES):
        try:
            await client.get("/health/live")
        except ConnectionLost:
            await asyncio.sleep(_POLL_SECONDS)
        except Refused:
            return
        else:
            return
    raise ConnectionLost(
        f"The server at {holder.address} (process {holder.pid}) holds the data but does not answer; "
        "stop it, or wait until it has ended"
    )
