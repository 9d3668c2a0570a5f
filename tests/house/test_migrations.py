"""The database's history: one straight line, both ways, on both databases, and it ends where the tables are."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from folkmoot.db.lanes import DatabaseUnavailable
from folkmoot.migrations import upgrade as migrations
from folkmoot.migrations.metadata import METADATA, ROOMS, is_ours
from tests.databases import postgres_database
from tests.house.source import PACKAGE, ROOT

VERSIONS = sorted((migrations.HERE / "versions").glob("*.py"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of the test's own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new folder/folkmoot.db"
    else:
        server = request.getfixturevalue("postgres_server")
        with postgres_database(server, f"folkmoot_test_{os.getpid()}_migrations") as url:
            yield url


def tables(connection: sa.Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names())


def columns(connection: sa.Connection) -> dict[str, list[tuple[str, str, bool]]]:
    inspector = sa.inspect(connection)
    return {
        table: sorted(
            (column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)
        )
        for table in inspector.get_table_names()
        if not table.endswith("_fts")
    }


def differences(connection: sa.Connection) -> list[object]:
    context = MigrationContext.configure(
        connection,
        opts={
            "target_metadata": METADATA,
            "include_name": lambda name, kind, parents: is_ours(name),
            "include_object": lambda item, name, kind, reflected, compared: is_ours(name),
        },
    )
    return list(compare_metadata(context, METADATA))


@pytest.mark.system
def test_up_down_up(empty_url: str) -> None:
    assert migrations.current(empty_url) is None
    assert migrations.upgrade(empty_url)
    assert migrations.current(empty_url) == migrations.head()
    assert not migrations.upgrade(empty_url)
    assert migrations.connected(empty_url, differences) == []

    migrations.downgrade(empty_url, "base")
    assert migrations.current(empty_url) is None
    assert migrations.connected(empty_url, tables) == {"alembic_version"}

    assert migrations.upgrade(empty_url)
    assert migrations.connected(empty_url, differences) == []


@pytest.mark.system
def test_every_released_revision_goes_both_ways(empty_url: str) -> None:
    """Step by step: each takes back exactly what it brought, and brings it again."""
    shapes = []
    for path in VERSIONS:
        migrations.upgrade_to(empty_url, "+1")
        assert migrations.current(empty_url) == path.stem[:4]
        shapes.append(migrations.connected(empty_url, columns))
    for path in reversed(VERSIONS):
        assert migrations.current(empty_url) == path.stem[:4]
        assert migrations.connected(empty_url, columns) == shapes.pop()
        migrations.downgrade(empty_url, "-1")
    assert migrations.connected(empty_url, tables) == {"alembic_version"}
    migrations.upgrade(empty_url)
    assert migrations.connected(empty_url, differences) == []


@pytest.mark.system
def test_every_released_revision_goes_to_the_newest_and_back(empty_url: str) -> None:
    """From each one in one go, as a database that was left alone for long does it."""
    numbers = [path.stem[:4] for path in VERSIONS]
    for number in numbers:
        migrations.upgrade_to(empty_url, number)
        assert migrations.current(empty_url) == number
        shape = migrations.connected(empty_url, columns)
        migrations.upgrade_to(empty_url, "head")
        assert migrations.connected(empty_url, differences) == []
        migrations.downgrade(empty_url, number)
        assert migrations.connected(empty_url, columns) == shape


@pytest.mark.system
def test_plain_alembic(empty_url: str) -> None:
    for arguments, at in ((("upgrade", "head"), VERSIONS[-1]), (("downgrade", "-1"), VERSIONS[-2])):
        command = [sys.executable, "-m", "alembic", *arguments]
        environment = {**os.environ, "DATABASE_URL": empty_url}
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=60)
        assert migrations.current(empty_url) == at.stem[:4]


@pytest.mark.system
def test_two_processes_that_start_at_once(empty_url: str) -> None:
    script = "import sys; from folkmoot.migrations.upgrade import upgrade; upgrade(sys.argv[1])"
    both = [subprocess.Popen([sys.executable, "-c", script, empty_url]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert migrations.connected(empty_url, differences) == []


def test_a_database_from_the_future_is_left_alone(empty_url: str) -> None:
    def pretend(connection: sa.Connection) -> None:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
        connection.commit()

    migrations.upgrade(empty_url)
    migrations.connected(empty_url, pretend)
    with pytest.raises(migrations.DatabaseIsNewer):
        migrations.upgrade(empty_url)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folkmoot.db").write_text("a text file" * 1000)
    with pytest.raises(DatabaseUnavailable):
        migrations.upgrade(f"sqlite:///{tmp_path}/folkmoot.db")


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_one_straight_line(path: Path) -> None:
    revision = import_module(f"folkmoot.migrations.versions.{path.stem}")
    before = VERSIONS[VERSIONS.index(path) - 1].stem[:4] if path != VERSIONS[0] else None
    assert re.fullmatch(r"\d{4}_[a-z0-9_]+", path.stem)
    assert (revision.revision, revision.down_revision) == (path.stem[:4], before)


def test_alembic_knows_every_room() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/tables.py")}
    assert {room.__name__.split(".")[1] for room in ROOMS} == rooms
