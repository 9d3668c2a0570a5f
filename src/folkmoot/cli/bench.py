"""`folkmoot bench`: what an installation of a given size can do on the user's own machines."""

import os
import platform
import sys
from collections.abc import Sequence
from statistics import quantiles
from typing import Annotated

import typer

from folkmoot import __version__
from folkmoot.cli.client import client_at
from folkmoot.cli.printing import AsJson, fact_lines, print_json, print_text
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.scale_database import check_empty, opened, server
from folkmoot.cli.scale_load import CALM_PER_SECOND, WAIT_SECONDS, Ended, busy, calm, make_lanes, warm
from folkmoot.cli.scale_meter import Meter, metered
from folkmoot.cli.scale_processes import Installation, installation
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import word
from folkmoot.db.connect import driver_url
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.settings import Settings, load_settings

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)
_WORKERS = 2
_PER_WORKER, _MOST = 16, 96
"""Runs at a time; no more than a client has connections."""


class RunsFailed(Problem):
    """No run completed"""


@command.callback()
def group() -> None:
    """Measure what an installation can do, on your own machine and database."""


@command.command("scale")
def scale(
    workers: Annotated[
        int | None, typer.Option(min=1, max=32, help="Worker processes, with --database.  [default: 2]")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, max=1_000_000, help="Runs at full speed, at most.")] = 500,
    workspaces: Annotated[int, typer.Option(min=1, max=1_000, help="Workspaces they are spread over.")] = 10,
    seconds: Annotated[int, typer.Option(min=1, max=3_600, help="No run is begun at full speed after so long.")] = 20,
    database: Annotated[
        str | None, typer.Option(help="An empty PostgreSQL database to fill.  [default: a SQLite file that is deleted]")
    ] = None,
    is_json: AsJson = False,
) -> None:
    """Start an API process and workers here, let them work on runs of the practice model, and say how they did.

    The database is yours to make and to drop: nothing is done to one that holds anything.
    """

    async def work(signals: Signals) -> int:
        many, settings, screen = _workers(workers, database), load_settings(), Screen(is_quiet=is_json)
        if database is not None:
            await check_empty(database)
        with_what: JsonObject = {"cores": os.cpu_count(), "load_before": round(os.getloadavg()[0], 2)}
        with_what |= {"db_pool_size": settings.db_pool_size, "relay": _relay(settings, many)}
        with screen.living():
            screen.status(f"starting an API process and {many} workers" if many else "starting a server")
            async with installation(settings, database, many, signals) as made:
                told = await _measure(made, screen, (many, workspaces, runs, seconds))
        told["measured_with"] = {**_versions(told.pop("database")), **with_what}
        _print(told, is_json=is_json)
        return 0

    go(work, is_json=is_json)


async def _measure(made: Installation, screen: Screen, size: tuple[int, int, int, int]) -> JsonObject:
    """With so many workers, workspaces, runs and seconds. Raises RunsFailed."""
    workers, workspaces, runs, seconds = size
    async with client_at(made.address, made.token) as client, opened(made.url) as database:
        lanes = await make_lanes(client, workspaces, min(_MOST, _PER_WORKER * max(1, workers)))
        await warm(lanes)
        screen.status(f"{CALM_PER_SECOND} runs a second")
        slowly = await calm(lanes)
        screen.status("as many runs as go")
        async with metered(database, made.pids) as meter:
            ended = await busy(lanes, runs, seconds)
        name, allowed = await database.read(server)
    seen, figures = meter.activity, _figures(slowly, ended, meter)
    return {
        **{"workers": workers, "workspaces": workspaces, "at_a_time": len(lanes), **figures},
        "connections": {"most": seen.most, "allowed": allowed} if allowed else None,
        "connections_waiting": {"for_locks": seen.share(seen.locked), "for_disk": seen.share(seen.on_disk)},
        "limit": meter.limit(workers),
        "database": name,
    }


def _workers(workers: int | None, database: str | None) -> int:
    """None but the server itself on SQLite. Raises BadUsage, UnknownDatabase."""
    if database is None:
        if workers is not None:
            raise BadUsage("Workers need PostgreSQL: name an empty database of it with --database")
        return 0
    if driver_url(database).get_backend_name() != "postgresql":
        raise BadUsage("--database is for PostgreSQL; without it a SQLite file is made and deleted")
    return _WORKERS if workers is None else workers


def _figures(slowly: Sequence[Ended | None], ended: Sequence[Ended | None], meter: Meter) -> JsonObject:
    """Raises RunsFailed."""
    calm_runs, runs = ([run for run in some if run is not None] for some in (slowly, ended))
    if not calm_runs or not runs:
        raise RunsFailed(f"Of {len(slowly) + len(ended)} runs none completed within {WAIT_SECONDS} seconds")
    count, transactions = len(runs), meter.transactions
    cpu = {part: round(cores * meter.seconds * 1000 / count, 2) for part, cores in meter.cores.items()}
    return {
        "runs": count,
        "not_completed": len(slowly) + len(ended) - len(calm_runs) - count,
        "seconds": round(meter.seconds, 2),
        "runs_per_second": round(count / meter.seconds, 1),
        "calm_start_ms": _shares([run.start_ms for run in calm_runs]),
        "calm_run_ms": _shares([run.run_ms for run in calm_runs]),
        "start_ms": _shares([run.start_ms for run in runs]),
        "run_ms": _shares([run.run_ms for run in runs]),
        "cpu_ms_per_run": {"all": round(sum(cpu.values()) - cpu["here"], 2), **cpu},
        "cores_busy": {
            **{part: round(cores, 2) for part, cores in meter.cores.items()},
            "all": round(meter.machine, 2),
        },
        "events_per_second": round(meter.events / meter.seconds, 1),
        "transactions_per_run": None if transactions is None else round(transactions / count, 1),
    }


def _versions(database: Json) -> JsonObject:
    return {"folkmoot": __version__, "python": platform.python_version(), "database": database}


def _relay(settings: Settings, workers: int) -> str | None:
    """How processes tell each other, where there are several."""
    if not workers:
        return None
    return "NOTIFY" if settings.redis_url is None else "Redis"


def _shares(times: list[float]) -> JsonObject:
    found = quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
    return {"p50": round(found[49], 1), "p99": round(found[98], 1)}


def _print(told: JsonObject, *, is_json: bool) -> None:
    if is_json:
        print_json(told)
        return
    lines = {name.replace("_", " "): _words(value) for name, value in told.items()}
    print_text("\n".join(fact_lines(lines)))


def _words(value: Json) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_words(part)}" for name, part in value.items() if part is not None)
    return word(value)
