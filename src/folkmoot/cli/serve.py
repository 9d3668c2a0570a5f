"""`folkmoot serve`: the API on a loopback address, until it is told to stop."""

import asyncio
import os
import socket
import sys
from typing import Annotated, NoReturn

import typer

from folkmoot import __version__
from folkmoot.app import create_app
from folkmoot.cli.connection import until_free
from folkmoot.cli.environment import shown_database
from folkmoot.cli.listener import bind, serving
from folkmoot.cli.process import Signals, go
from folkmoot.cli.refusals import check_workers, loopback
from folkmoot.cli.screen import Screen
from folkmoot.engine.holder import HeldByAnother
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.garbage import collect_rarely
from folkmoot.kernel.logs import log_to_stderr
from folkmoot.kernel.settings import Settings, environment_with, load_settings

_POLL_SECONDS = 0.2


class AlreadyServed(Conflict):
    """Another server works on this data"""


def command(
    host: Annotated[str | None, typer.Option(help="The loopback address to listen on.  [default: API_HOST]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port; 0 is any free one.  [default: API_PORT]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Server processes; there can be one.  [default: API_WORKERS]")
    ] = None,
    reload: Annotated[
        bool | None, typer.Option("--reload", help="Start anew when a source file changes.  [default: API_RELOAD]")
    ] = None,
) -> None:
    """Serve the API on a loopback address."""

    async def work(signals: Signals) -> int:
        settings = load_settings()
        check_workers(workers or settings.api_workers)
        where, at = loopback(host or settings.api_host), settings.api_port if port is None else port
        if settings.api_reload if reload is None else reload:
            reloading(where, at)
        with bind(where, at) as listening:
            return await _serve(settings, listening, signals)

    go(work)


def reloading(host: str, port: int) -> NoReturn:
    """Become uvicorn's own reloader, which starts the application in a process of its own, again and again."""
    where = ("--host", host, "--port", str(port))
    how = ("--reload", "--no-access-log", "--ws", "websockets-sansio")
    command = [sys.executable, "-m", "uvicorn", "folkmoot.asgi:app", *where, *how]
    os.execve(sys.executable, command, environment_with(API_HOST=host, API_PORT=str(port)))  # noqa: S606 no shell


def address_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _serve(settings: Settings, listening: socket.socket, signals: Signals) -> int:
    """Until a signal ends it, which is how a server ends well: 0."""
    address = address_of(listening)
    while True:
        await _until_ours(settings)
        log_to_stderr(settings.effective_log_level)
        try:
            app = create_app(settings, address=address)
            async with serving(app, app.router.lifespan_context(app), listening) as task:
                collect_rarely()
                sys.stdout.write(banner(settings, address, app.state.runtime.gateway.describe()))
                sys.stdout.flush()
                try:
                    await asyncio.shield(task)
                except asyncio.CancelledError:
                    if not signals.taken():
                        raise
                return 0
        except HeldByAnother:
            await asyncio.sleep(_POLL_SECONDS)


async def _until_ours(settings: Settings) -> None:
    """Raises AlreadyServed where a server holds the data; a command that holds it is waited for."""
    if settings.is_postgres:
        return
    holder = await until_free(settings, Screen())
    if holder is not None:
        raise AlreadyServed(
            f"A server (process {holder.pid}) already works on {settings.data_dir} and answers at {holder.address}; "
            "use that one, stop it, or set another DATA_DIR"
        )


def banner(settings: Settings, address: str, model: str) -> str:
    return (
        f"Folkmoot {__version__}\n"
        f"  address   {address} (its documentation: {address}/docs)\n"
        f"  database  {shown_database(settings)}\n"
        f"  model     {model}\n"
    )
