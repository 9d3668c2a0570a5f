"""What every test shares. A folder that is a suite of its own gives its tests their marker."""

import gc
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from hypothesis import settings

from folkmoot.accounts import passwords
from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.events.log import store
from folkmoot.kernel.garbage import collect_rarely
from folkmoot.kernel.scope import Scope
from folkmoot.migrations.upgrade import upgrade
from folkmoot.runs.moves import number_events
from tests.databases import Kept, new_scope, opened, postgres_database
from tests.once import work_out_once

# A slow machine is no finding, and the same tests see the same examples every time.
settings.register_profile("house", deadline=None, derandomize=True, database=None, max_examples=15)
settings.register_profile("ci", settings.get_profile("house"), max_examples=100)
settings.load_profile("ci" if os.environ.get("CI") else "house")

SUITES = ("system", "browser")
MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 2 * 1024**3
EACH_DATABASE = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


def pytest_configure(config: pytest.Config) -> None:
    """Where Linux keeps files in memory, tests' folders go there: what is to survive here is a kill, not a power cut.

    A third of the suite's time went into waiting for the disk at every commit of databases that live for one test.
    """
    given = {"PYTEST_DEBUG_TEMPROOT", "TMPDIR"} & os.environ.keys()
    if not given and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)
    gc.disable()  # until all is collected
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    work_out_once(patch)


def pytest_collection_finish() -> None:
    """What is loaded by now stays; looking through it again and again took a tenth of the suite's time."""
    collect_rarely()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """What is left now stays too: pytest and the interpreter would look through it five times before they end."""
    collect_rarely()


def left_out(config: pytest.Config) -> set[str]:
    """The markers of `-m "not (system or ...)"`: two in five tests, which need not be collected to be deselected."""
    found = re.fullmatch(r"not \(([\w ]+)\)", config.option.markexpr)
    return set(found[1].split(" or ")) if found else set()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    suites = {config.rootpath / "tests" / name for name in left_out(config).intersection(SUITES)}
    return True if collection_path in suites else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of a database is one on each kind of them."""
    if "kind_of_database" in metafunc.fixturenames:
        kinds = EACH_DATABASE[:1] if "postgres" in left_out(metafunc.config) else EACH_DATABASE
        metafunc.parametrize("kind_of_database", kinds, indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Runs before pytest deselects by marker, so that `-m` sees what is added here."""
    for suite in SUITES:
        folder = config.rootpath / "tests" / suite
        for item in items:
            if item.path.is_relative_to(folder):
                item.add_marker(suite)


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[PasswordHasher]:
    """A hash is to cost something, but not in each of hundreds of tests; gives what hashes at its real cost."""
    with pytest.MonkeyPatch.context() as patch:
        real = passwords._HASHER
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield real


@pytest.fixture
def costly_passwords(cheap_passwords: PasswordHasher, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what a hash costs."""
    monkeypatch.setattr(passwords, "_HASHER", cheap_passwords)


@pytest.fixture
def watched_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open streams are looked after ten times as often as for users: for tests of what happens, not of how soon."""
    for name in ("folkmoot.workspaces.stay", "folkmoot.realtime.places"):
        watching: Any = import_module(name)
        assert watching._SECONDS <= 0.5, "within a second, is promised"
        monkeypatch.setattr(watching, "_SECONDS", 0.05)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file, for tests to copy."""
    path = tmp_path_factory.mktemp("template") / "folkmoot.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """The URL of a database from which others may be created."""
    return os.environ.get("FOLKMOOT_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a migrated database that nobody is connected to."""
    name = f"folkmoot_test_{os.getpid()}"
    with postgres_database(postgres_server, name) as url:
        upgrade(url)
        yield name


@pytest.fixture(scope="session")
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """One migrated database for this worker's tests, each of which works in a workspace of its own."""
    with postgres_database(postgres_server, f"{postgres_template}_shared", postgres_template) as url:
        yield url


@pytest.fixture
def kind_of_database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, kind_of_database: str, shared_urls: set[str]) -> str:
    """A migrated database of each kind, in which each test works in a workspace of its own.

    The module's tests share it; on PostgreSQL all of the worker's do.
    """
    name = "postgres_url" if kind_of_database == "postgresql" else "shared_sqlite_url"
    url = str(request.getfixturevalue(name))
    shared_urls.add(url)
    return url


@pytest.fixture(scope="module")
def shared_urls() -> set[str]:
    """Of databases that are there for the next test too, and may stay open for it."""
    return set()


@pytest.fixture(scope="module")
async def kept_database() -> AsyncIterator[Kept[Database]]:
    """What `db` keeps open: to open and close it took longer than most tests of a database do."""
    kept = Kept[Database]()
    yield kept
    await kept.close()


@pytest.fixture
def own_database_url(request: pytest.FixtureRequest, kind_of_database: str) -> str:
    """As `database_url`, but the test's own: for what looks across all workspaces.

    Such a module overrides `database_url` with it.
    """
    name = "own_postgres_url" if kind_of_database == "postgresql" else "sqlite_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "folkmoot.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def shared_sqlite_url(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("shared") / "folkmoot.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def own_postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    with postgres_database(postgres_server, f"{postgres_template}_own", postgres_template) as url:
        yield url


@pytest.fixture
def hooks() -> Hooks:
    """What the app hangs into every transaction; a test module may put its own in place."""
    return Hooks(before_commit=(number_events,), store=store)


@pytest.fixture
async def db(
    database_url: str, hooks: Hooks, shared_urls: set[str], kept_database: Kept[Database]
) -> AsyncIterator[Database]:
    if database_url in shared_urls:
        yield await kept_database.get((database_url, hooks), lambda: opened(database_url, hooks))
    else:
        async with opened(database_url, hooks) as database:
            yield database


@pytest.fixture
async def scope(db: Database) -> Scope:
    """A new workspace with its project, event log and slots; SYSTEM acts in it."""
    return await db.write(new_scope)
