"""`folkmoot serve`: the API, until it is told to stop."""

import asyncio
import os
import socket
import sys
from typing import Annotated, NoReturn

import typer

from folkmoot import __version__
from folkmoot.accounts.exposure import ReachableByAll
from folkmoot.accounts.kept import ADMIN_TOKEN_FILE
from folkmoot.accounts.queries import has_users
from folkmoot.app import create_app
from folkmoot.cli.connection import until_free
from folkmoot.cli.crew import Crew, DidNotStart, Line, inherited, serve_together
from folkmoot.cli.environment import shown_database
from folkmoot.cli.listener import bind, serving
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.refusals import address_of, check_workers
from folkmoot.cli.screen import Screen
from folkmoot.db.connect import connect
from folkmoot.db.lanes import Hooks
from folkmoot.engine.holder import HeldByAnother
from folkmoot.kernel.addresses import is_loopback
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.garbage import collect_rarely
from folkmoot.kernel.logs import log_to_stderr
from folkmoot.kernel.safety import exposed
from folkmoot.kernel.settings import Settings, environment_with, load_settings
from folkmoot.life import SERVER, Duty
from folkmoot.migrations.upgrade import current

INSECURE = """\
  WARNING   --insecure-no-auth: until there are users, whoever reaches this address owns everything here
"""
INSECURE_OPTION = "--insecure-no-auth"
_POLL_SECONDS = 0.2
_USERS_SINCE = "0005"
_CONNECTIONS = 2


class AlreadyServed(Conflict):
    """Another server works on this data"""


def command(
    host: Annotated[str | None, typer.Option(help="The address to listen on.  [default: API_HOST]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port; 0 is any free one.  [default: API_PORT]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Server processes behind the port.  [default: API_WORKERS]")
    ] = None,
    reload: Annotated[
        bool | None, typer.Option("--reload", help="Start anew when a source file changes.  [default: API_RELOAD]")
    ] = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Leave runs to workers; work only on replies that are asked for here.")
    ] = False,
    insecure_no_auth: Annotated[
        bool, typer.Option("--insecure-no-auth", help="Let everybody in who reaches it, until there are users.")
    ] = False,
    inherited_sockets: Annotated[str | None, typer.Option("--inherited", hidden=True)] = None,
) -> None:
    """Serve the API: on a loopback address, or to others once there is an admin."""

    async def work(signals: Signals) -> int:
        settings = load_settings()
        duty = check_duty(settings, no_worker=no_worker)
        if inherited_sockets is not None:
            listening, line = inherited(inherited_sockets)
            with listening, line.watched():
                return await _serve(settings, listening, signals, duty, is_insecure=insecure_no_auth, line=line)
        many = workers or settings.api_workers
        check_workers(settings, many)
        where, at = address_of(host or settings.api_host), settings.api_port if port is None else port
        if insecure_no_auth and settings.auth is not None:
            raise BadUsage("--insecure-no-auth and AUTH=required contradict each other; choose one")
        if not insecure_no_auth:
            await check_reach(settings, where)
        options = _options({"--no-worker": no_worker, INSECURE_OPTION: insecure_no_auth})
        if settings.api_reload if reload is None else reload:
            if options or many > 1:
                raise BadUsage(f"{[*options, '--workers'][0]} does not go with --reload")
            reloading(where, at)
        with bind(where, at) as listening:
            if many > 1:
                return await _serve_together(settings, listening, signals, options, many)
            return await _serve(settings, listening, signals, duty, is_insecure=insecure_no_auth)

    go(work)


def _options(given: dict[str, bool]) -> list[str]:
    return [option for option, is_given in given.items() if is_given]


def reloading(host: str, port: int) -> NoReturn:
    """Become uvicorn's own reloader, which starts the application in a process of its own, again and again."""
    where = ("--host", host, "--port", str(port))
    how = ("--reload", "--no-access-log", "--ws", "websockets-sansio")
    command = [sys.executable, "-m", "uvicorn", "folkmoot.asgi:app", *where, *how]
    os.execve(sys.executable, command, environment_with(API_HOST=host, API_PORT=str(port)))  # noqa: S606 no shell


async def check_reach(settings: Settings, host: str) -> None:
    """Raises ReachableByAll, before anything is made, where others can reach the address and there is no admin yet."""
    if is_loopback(host) or settings.auth is not None:
        return
    revision = await asyncio.to_thread(current, settings.direct_database_url)
    if revision is None or revision < _USERS_SINCE:
        raise ReachableByAll(exposed(host))
    db = connect(settings.direct_database_url, Hooks(), _CONNECTIONS)
    await db.open()
    try:
        if not await db.read(has_users):
            raise ReachableByAll(exposed(host))
    finally:
        await db.close()


def url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def check_duty(settings: Settings, *, no_worker: bool) -> Duty:
    """What the server does about runs. Raises BadUsage where nobody else could work on them."""
    if not no_worker:
        return SERVER
    if not settings.is_postgres:
        raise BadUsage("--no-worker needs PostgreSQL: on SQLite nobody but the server can work on runs")
    return Duty(kinds=frozenset())


async def _serve_together(
    settings: Settings, listening: socket.socket, signals: Signals, options: list[str], many: int
) -> int:
    """Until a signal ends it: 0 where all processes ended well. Raises DidNotStart."""
    log_to_stderr(settings)
    crew, address = Crew(listening, options, many), url_of(listening)
    signals.at_once.append(crew.kill)
    try:
        await serve_together(
            crew, lambda model: _say(banner(settings, address, model, many), is_insecure=INSECURE_OPTION in options)
        )
    except asyncio.CancelledError:
        if not signals.taken():
            raise
        return await crew.stop()
    except DidNotStart:
        await crew.stop()
        raise
    return 0


async def _serve(
    settings: Settings,
    listening: socket.socket,
    signals: Signals,
    duty: Duty,
    *,
    is_insecure: bool,
    line: Line | None = None,
) -> int:
    """Until a signal ends it, which is how a server ends well: 0."""
    address = url_of(listening)
    while True:
        await _until_ours(settings)
        log_to_stderr(settings)
        try:
            app = create_app(settings, address, is_insecure=is_insecure, duty=duty)
            life, message_bytes = app.router.lifespan_context(app), settings.socket_max_message_bytes
            async with serving(app, life, listening, message_bytes=message_bytes) as task:
                collect_rarely()
                model = app.state.runtime.gateway.describe()
                if line is None:
                    _say(banner(settings, address, model), is_insecure=is_insecure)
                else:
                    line.serves(model)
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


def _say(words: str, *, is_insecure: bool) -> None:
    sys.stdout.write(words + (INSECURE if is_insecure else ""))
    sys.stdout.flush()


def banner(settings: Settings, address: str, model: str, processes: int = 1) -> str:
    together = f"  processes {processes}\n" if processes > 1 else ""
    return (
        f"Folkmoot {__version__}\n"
        f"  address   {address} (its documentation: {address}/docs)\n"
        f"  database  {shown_database(settings)}\n"
        f"  token     {(settings.data_dir / ADMIN_TOKEN_FILE).absolute()} (the admin's; folkmoot token show)\n"
        f"{together}"
        f"  model     {model}\n"
    )
