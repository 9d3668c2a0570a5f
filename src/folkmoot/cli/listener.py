"""uvicorn as this product runs it: our own sockets, our own signals, and the app's life around it, not in it."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn

from folkmoot.cli.problems import BadUsage
from folkmoot.cli.protocol import BoundedHttp
from folkmoot.cli.sockets import BoundedSocket
from folkmoot.kernel.errors import Unavailable
from folkmoot.kernel.supervisor import Supervisor

PING_SECONDS = 25.0
MESSAGE_BYTES = 65_536
GRACE_SECONDS = 10
"""How long open requests may take to end after the server was asked to stop."""


class PortTaken(Unavailable):
    """The port is in use"""


class Listener(uvicorn.Server):
    """A server that leaves signals to the command that runs it, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 is any free one. Raises PortTaken or BadUsage with a sentence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"Port {port} of {host} is in use; stop what listens there, or choose another with --port or API_PORT"
            ) from None
        raise BadUsage(f"Cannot listen on port {port} of {host}: {error.strerror}") from None
    listening.setblocking(False)
    return listening


@asynccontextmanager
async def serving(
    app: Callable[..., object],
    life: AbstractAsyncContextManager[object],
    place: socket.socket | Path,
    grace_seconds: int = GRACE_SECONDS,
    message_bytes: int = MESSAGE_BYTES,
) -> AsyncIterator[asyncio.Task[None]]:
    """The app, served on a socket or at the path of a unix one while the context is open.

    `life` is the app's lifespan: entered here and not by uvicorn, so that what a start raises is raised here.
    The task ends when the server has ended. `message_bytes` is how large a message on a WebSocket may be.
    """
    path = str(place) if isinstance(place, Path) else None
    config = uvicorn.Config(
        app,
        uds=path,
        loop="none",
        http=BoundedHttp,
        ws=BoundedSocket,
        ws_max_size=message_bytes,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        timeout_graceful_shutdown=grace_seconds,
    )
    listener, supervisor = Listener(config), Supervisor()
    async with life:
        sockets = [place] if isinstance(place, socket.socket) else None
        task = supervisor.start(listener.serve(sockets=sockets), "listener")
        task.add_done_callback(lambda _: listener.is_up.set())
        try:
            await listener.is_up.wait()
            yield task
        finally:
            listener.should_exit = True
            await task
