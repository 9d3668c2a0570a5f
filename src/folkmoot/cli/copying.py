"""`folkmoot db copy`: everything a database holds into another, from SQLite to PostgreSQL and back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Annotated

import sqlalchemy as sa
import typer

from folkmoot.agents.tables import AgentDefinition
from folkmoot.cli.environment import shown_url
from folkmoot.cli.printing import AsJson, print_json
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.db.connect import connect, driver_url
from folkmoot.db.copying import CopiedTable, check_new, copy_rows, open_source, open_target
from folkmoot.db.lanes import DatabaseUnavailable
from folkmoot.db.tx import Tx
from folkmoot.engine.holder import HeldByAnother, Holder
from folkmoot.engine.hosts import GONE_SECONDS, alive_since
from folkmoot.engine.liveness import is_lived
from folkmoot.engine.tables import Host
from folkmoot.kernel.settings import Settings, load_settings
from folkmoot.migrations.metadata import METADATA
from folkmoot.migrations.upgrade import current, head, upgrade
from folkmoot.runs.artifact_files import FOLDER
from folkmoot.workspaces.rules import DEFAULT
from folkmoot.workspaces.tables import Project, Workspace

# What a server's first start writes into a new database; none of it is anybody's work.
FIRST_START: dict[str, sa.ColumnElement[bool] | None] = {
    "workspaces": Workspace.slug == DEFAULT,
    "projects": Project.slug == DEFAULT,
    "agent_definitions": AgentDefinition.workspace_id.is_(None),
    "event_heads": None,
    "run_slots": None,
    "hosts": None,
}
_LOCK = "engine.lock"
_ALIVE = sa.select(sa.func.count()).select_from(Host).where(Host.seen_at > sa.bindparam("since"))
_NOTHING = "Nothing was copied: the source is as it was, and the target has its tables and nothing in them"
_KEYS = (
    "Keys are not in a database: a server with another DATA_DIR needs the same SECRET_KEY, or a copy of "
    "DATA_DIR/secret.key, to read the secrets of workspaces and to know who is logged in; its admin token is a new one"
    f". Artifacts above 1 MB are files: copy the folder DATA_DIR/{FOLDER} too where there is one"
)


def copy_database(
    to: Annotated[str, typer.Option("--to", help="URL of the empty database to fill.")],
    from_: Annotated[
        str | None, typer.Option("--from", help="URL of the database to read; default: the settings' own.")
    ] = None,
    is_json: AsJson = False,
) -> None:
    """Copy everything into another, empty database, from SQLite to PostgreSQL or back. Stop the server first."""

    async def work(signals: Signals) -> int:
        settings = load_settings()
        source = from_ or settings.direct_database_url
        _check_places(source, to)
        screen, began = Screen(is_quiet=is_json), perf_counter()
        with _held(settings, (source, to)):
            copied = await _copy(source, to, screen)
        _print(source, to, copied, perf_counter() - began, is_json=is_json)
        return 0

    go(work, is_json=is_json)


async def _copy(source_url: str, target_url: str, screen: Screen) -> list[CopiedTable]:
    await _check_source(source_url)
    await _make_target(target_url)
    tables, is_whole = METADATA.sorted_tables, False

    def told(doing: str, name: str, rows: int, of: int) -> None:
        say = screen.status if rows == of else screen.passing
        say(f"{doing} {name}: {rows:,} of {of:,} rows")

    try:
        with screen.living():
            async with open_source(source_url, tables) as source, open_target(target_url, tables) as target:
                await check_new(target, tables, FIRST_START)
                copied = await copy_rows(source, target, tables, told)
                is_whole = True
    finally:
        if not is_whole:
            screen.say(_NOTHING)
    return copied


def _check_places(source: str, target: str) -> None:
    """Raises BadUsage, UnknownDatabase."""
    places = [_file(url) or shown_url(url) for url in (source, target)]
    if places[0] == places[1]:
        raise BadUsage(f"{shown_url(source)} is both source and target")
    path = _file(source)
    if path is not None and not path.is_file():
        raise BadUsage(f"There is no database at {path}")


async def _check_source(url: str) -> None:
    """Raises BadUsage where its tables are not those of this version, HeldByAnother where somebody works on it."""
    async with _reached(url), open_source(url, ()) as source:
        revision = await source.revision()
    if revision != head():
        raise BadUsage(
            f"{shown_url(url)} is at {revision or 'no revision'} and this version has {head()}; "
            "bring it there first: folkmoot db upgrade"
        )
    await _check_idle(url)


async def _make_target(url: str) -> None:
    """Give an empty database its tables. Raises BadUsage, HeldByAnother, DatabaseUnavailable."""
    async with _reached(url):
        revision = await asyncio.to_thread(current, url)
        if revision not in (None, head()):
            raise BadUsage(f"{shown_url(url)} is at {revision} and this version has {head()}; name an empty database")
        await asyncio.to_thread(upgrade, url)
    await _check_idle(url)


async def _check_idle(url: str) -> None:
    """Raises HeldByAnother where a process lives on a PostgreSQL database; who is on a file, its lock says."""
    if _file(url) is not None:
        return
    database = connect(url, pool_size=2)
    await database.open()
    try:
        alive = await database.read(_alive)
    finally:
        await database.close()
    if alive or await is_lived(url):
        raise HeldByAnother(
            f"Another process works on {shown_url(url)}; stop it first "
            f"(one that was killed counts as gone after {GONE_SECONDS:.0f} seconds)"
        )


def _alive(tx: Tx) -> int:
    return int(tx.scalar(_ALIVE, since=alive_since()))


@asynccontextmanager
async def _reached(url: str) -> AsyncIterator[None]:
    """Says which of the two databases is not there."""
    try:
        yield
    except DatabaseUnavailable as error:
        raise DatabaseUnavailable(
            f"{shown_url(url)} cannot be reached; its server must run, and a PostgreSQL database must have been created"
        ) from error


@contextmanager
def _held(settings: Settings, urls: tuple[str, ...]) -> Iterator[None]:
    """While nobody works on the SQLite files among the databases. Raises HeldByAnother."""
    holders = []
    try:
        for folder in _folders(settings, urls):
            holder = Holder.try_acquire(folder, None)
            if holder is None:
                raise HeldByAnother(f"Another process works on {folder}; stop it first")
            holders.append(holder)
        yield
    finally:
        for holder in holders:
            holder.release()


def _folders(settings: Settings, urls: tuple[str, ...]) -> set[Path]:
    """Where the locks of servers on these files are: in DATA_DIR, which by default is the file's folder."""
    folders = set()
    for url in urls:
        path = _file(url)
        if path is not None and url == settings.database_url:
            folders.add(settings.data_dir.resolve())
        if path is not None and (path.parent / _LOCK).exists():
            folders.add(path.parent)
    return folders


def _file(url: str) -> Path | None:
    """The SQLite file a URL names. Raises UnknownDatabase."""
    place = driver_url(url)
    return Path(place.database or "").resolve() if place.get_backend_name() == "sqlite" else None


def _print(source: str, target: str, copied: list[CopiedTable], seconds: float, *, is_json: bool) -> None:
    rows = sum(table.rows for table in copied)
    if is_json:
        print_json(
            {
                "from": shown_url(source),
                "to": shown_url(target),
                "revision": head(),
                "rows": rows,
                "seconds": round(seconds, 3),
                "tables": [{"table": table.name, "rows": table.rows, "sha256": table.sha256} for table in copied],
                "note": _KEYS,
            }
        )
        return
    typer.echo(
        f"Copied {rows:,} rows of {len(copied)} tables from {shown_url(source)} to {shown_url(target)} in "
        f"{seconds:.1f} s; every table reads back with the hash it had"
    )
    typer.echo(_KEYS)
