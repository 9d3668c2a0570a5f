"""`folkmoot worker`: works on runs of a PostgreSQL database, beside its servers and other workers."""

import asyncio
import sys
from typing import Annotated

import typer

from folkmoot import __version__
from folkmoot.app import create_app
from folkmoot.cli.environment import shown_database
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.engine.dispatch import CONCURRENCY
from folkmoot.kernel.garbage import collect_rarely
from folkmoot.kernel.logs import log_to_stderr
from folkmoot.kernel.settings import Settings, load_settings
from folkmoot.life import Duty
from folkmoot.runtime import Runtime


def command(
    concurrency: Annotated[int, typer.Option(min=1, help="Runs it works on at the same time.")] = CONCURRENCY,
    kinds: Annotated[
        str | None, typer.Option(help="Kinds of runs it takes, comma-separated, e.g. team,reply.  [default: all]")
    ] = None,
) -> None:
    """Work on runs until told to stop; any number of workers, on any machines, share a PostgreSQL database."""

    async def work(signals: Signals) -> int:
        settings = load_settings()
        if not settings.is_postgres:
            raise BadUsage("folkmoot worker needs PostgreSQL: on SQLite the server works on all runs itself")
        log_to_stderr(settings)
        return await _work(settings, Duty(kind="worker", kinds=_named(kinds), concurrency=concurrency), signals)

    go(work)


def _named(kinds: str | None) -> frozenset[str] | None:
    """Raises BadUsage for none at all: such a worker would do nothing."""
    if kinds is None:
        return None
    named = frozenset(kind.strip() for kind in kinds.split(",") if kind.strip())
    if not named:
        raise BadUsage("--kinds names no kind of runs; leave it out to take all")
    return named


async def _work(settings: Settings, duty: Duty, signals: Signals) -> int:
    """Until a signal ends it, which is how a worker ends well: 0."""
    app = create_app(settings, is_private=True, duty=duty)
    async with app.router.lifespan_context(app):
        collect_rarely()
        sys.stdout.write(_banner(settings, duty, app.state.runtime))
        sys.stdout.flush()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not signals.taken():
                raise
    return 0


def _banner(settings: Settings, duty: Duty, runtime: Runtime) -> str:
    takes = "all kinds" if duty.kinds is None else ", ".join(sorted(duty.kinds))
    return (
        f"Folkmoot {__version__}\n"
        f"  worker    {runtime.host_id}\n"
        f"  takes     {takes}, {duty.concurrency} runs at the same time\n"
        f"  database  {shown_database(settings)}\n"
        f"  model     {runtime.gateway.describe()}\n"
    )
