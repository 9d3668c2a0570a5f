"""`folkmoot db copy` of a long history: there and back with equal hashes, in little memory, and killed on the way."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from folkmoot.db.bulk import CopyRefused
from folkmoot.db.copying import open_source
from folkmoot.db.hashing import TableHash
from folkmoot.kernel.json import loads
from folkmoot.migrations.metadata import METADATA
from folkmoot.migrations.upgrade import current, head, upgrade
from tests.cli.terminal import process
from tests.databases import postgres_database
from tests.system.history import write_history

MESSAGES = int(os.environ.get("FOLKMOOT_TEST_MESSAGES", "200000"))
MEMORY = 300 * 1024**2
TABLES = METADATA.sorted_tables


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with FOLKMOOT_TEST_MESSAGES messages, 200,000 unless told; a million was measured by hand."""
    path = tmp_path_factory.mktemp("history") / "folkmoot.db"
    upgrade(f"sqlite:///{path}")
    write_history(path, MESSAGES)
    return path


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[str]:
    with postgres_database(postgres_server, f"folkmoot_test_{os.getpid()}_history") as url:
        yield url


def copy(folder: Path, source: str, target: str) -> list[tuple[str, int, str]]:
    """Copy in a process that may have so much memory and no more; name, rows and hash of each table."""
    with process(folder, "db", "copy", "--json", "--from", source, "--to", target) as copying:
        resource.prlimit(copying.pid, resource.RLIMIT_DATA, (MEMORY, MEMORY))
        out, err = copying.communicate(timeout=600)
    assert copying.returncode == 0, (out, err)
    told = loads(out)
    assert isinstance(told, dict)
    assert isinstance(told["tables"], list)
    return [(table["table"], table["rows"], table["sha256"]) for table in told["tables"] if isinstance(table, dict)]  # type: ignore[misc]


def digest(path: Path) -> str:
    with path.open("rb") as file:
        taken = sha256()
        while block := file.read(1024**2):
            taken.update(block)
    return taken.hexdigest()


async def rows_in(url: str) -> int:
    async with open_source(url, TABLES) as source:
        return sum([await source.count(table) for table in TABLES])


@pytest.mark.postgres
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited from outside by Linux only")
def test_there_and_back(history: Path, postgres: str, tmp_path: Path) -> None:
    was = digest(history)
    there = copy(tmp_path, f"sqlite:///{history}", postgres)
    back = copy(tmp_path, postgres, f"sqlite:///{tmp_path}/back.db")
    assert there == back
    rows = {name: count for name, count, _ in there}
    assert (rows["messages"], rows["events"]) == (MESSAGES, MESSAGES)
    assert digest(history) == was
    assert [path.name for path in history.parent.iterdir()] == [history.name]


async def _hash(url: str, table: str) -> str:
    taken = TableHash()
    async with open_source(url, ()) as source:
        async for _ in source.read(METADATA.tables[table], taken):
            pass
    return taken.hexdigest()


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_one_that_ends_in_the_middle_leaves_nothing(
    history: Path, tmp_path: Path, request: pytest.FixtureRequest, kind: str, how: signal.Signals
) -> None:
    """Neither killed nor interrupted; the next one copies everything, and the source never knew."""
    target = f"sqlite:///{tmp_path}/target.db" if kind == "sqlite" else str(request.getfixturevalue("postgres"))
    was = digest(history)
    with process(tmp_path, "db", "copy", "--from", f"sqlite:///{history}", "--to", target) as copying:
        assert copying.stderr is not None
        for line in copying.stderr:
            if line.startswith("copying events"):
                break
        copying.send_signal(how)
        out, err = copying.communicate(timeout=60)
    assert out == ""
    if how == signal.SIGINT:
        assert copying.returncode == 130
        assert "Nothing was copied: the source is as it was" in err
    if kind == "sqlite" and how == signal.SIGKILL:
        with pytest.raises(CopyRefused, match="killed in the middle"):
            asyncio.run(rows_in(target))
    assert current(target) == head()
    assert asyncio.run(rows_in(target)) == 0
    assert digest(history) == was
    if how == signal.SIGKILL:
        copied = {name: taken for name, _, taken in copy(tmp_path, f"sqlite:///{history}", target)}
        assert copied["messages"] == asyncio.run(_hash(f"sqlite:///{history}", "messages"))
