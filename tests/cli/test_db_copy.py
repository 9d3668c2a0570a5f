"""`folkmoot db copy` and `db backup`: what they do, what they say, and what they refuse."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI

from folkmoot.db.connect import connect
from folkmoot.engine.holder import Holder
from folkmoot.engine.hosts import HostInfo, beat
from folkmoot.kernel.json import JsonObject
from folkmoot.migrations.metadata import METADATA
from folkmoot.migrations.upgrade import current, head
from folkmoot.runs.artifact_files import ArtifactFiles
from tests.cli.terminal import PROGRAM, Terminal, environment
from tests.databases import new_scope
from tests.house.places import Place, dump, furnish
from tests.serving import client_of, running, settings_for

ASKED = (
    "/api/runs/{run}",
    "/api/runs/{run}/logs",
    "/api/tasks/{task}",
    "/api/agents/{agent}/messages",
    "/api/conversations/{conversation}/messages",
    "/api/workspaces/{workspace}/secrets",
    "/api/projects/{project}/contexts/{context_name}",
    "/api/knowledge/documents/{document}",
)


@pytest.fixture
def source(terminal: Terminal) -> Path:
    """The settings' own database, with a workspace in it."""
    terminal.type("db", "upgrade")
    path = terminal.folder / "data" / "folkmoot.db"
    asyncio.run(_with_workspace(f"sqlite:///{path}"))
    return path


async def _with_workspace(url: str) -> None:
    database = connect(url)
    await database.open()
    await database.write(new_scope)
    await database.close()


def other(terminal: Terminal) -> str:
    return f"sqlite:///{terminal.folder}/other.db"


def hashes(printed: str) -> dict[str, tuple[int, str]]:
    return {table["table"]: (table["rows"], table["sha256"]) for table in json.loads(printed)["tables"]}


@pytest.mark.system
def test_a_copy_says_what_it_did(terminal: Terminal, source: Path) -> None:
    was = source.read_bytes()
    printed = terminal.type("db", "copy", "--to", other(terminal))
    assert printed.code == 0, printed.err
    assert f"Copied 4 rows of {len(METADATA.tables)} tables from sqlite:///{source} to {other(terminal)}" in printed.out
    assert "SECRET_KEY" in printed.out
    assert "checking workspaces: 1 of 1 rows" in printed.err
    assert source.read_bytes() == was
    assert [path.name for path in terminal.folder.glob("other.db*")] == ["other.db"]

    again = terminal.type(
        "db", "copy", "--json", "--from", other(terminal), "--to", f"sqlite:///{terminal.folder}/third.db"
    )
    assert (again.code, again.err) == (0, "")
    told = json.loads(again.out)
    assert (told["from"], told["rows"], told["revision"]) == (other(terminal), 4, head())
    assert hashes(again.out).keys() == METADATA.tables.keys()


@pytest.mark.postgres
def test_a_furnished_house_moves_to_postgresql_and_back(
    terminal: Terminal, own_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server on the copy answers as the one on the original did, word for word."""
    data = terminal.folder / "data"
    here, back = f"sqlite:///{data}/folkmoot.db", f"sqlite:///{data}/back.db"

    async def furnished() -> Place:
        async with running(settings_for(here, data)) as app, client_of(app) as client:
            return await furnish(app, client, await app.state.runtime.db.write(new_scope), "a", 7)

    async def answers(url: str, place: Place) -> list[JsonObject]:
        async with running(settings_for(url, data)) as app, client_of(app) as client:
            found = []
            for path in ASKED:
                answer = await client.get(path.format(**place.names), headers=place.headers)
                assert answer.is_success, (path, answer.text)
                found.append(answer.json())
            search = await client.get("/api/knowledge/search", params={"q": "crash"}, headers=place.headers)
            assert search.is_success, search.text
            # each database ranks by a formula of its own
            return [*found, *({**passage, "score": None} for passage in search.json()["passages"])]

    async def rows(url: str) -> dict[str, list[str]]:
        database = connect(url)
        await database.open()
        found = await dump(database)
        await database.close()
        return found

    place = asyncio.run(furnished())
    was = asyncio.run(rows(here))
    there = terminal.type("db", "copy", "--json", "--from", here, "--to", own_postgres_url)
    assert there.code == 0, there.out
    assert asyncio.run(rows(own_postgres_url)) == was
    said = asyncio.run(answers(own_postgres_url, place))
    home = terminal.type("db", "copy", "--json", "--from", own_postgres_url, "--to", back)
    assert home.code == 0, home.out
    assert asyncio.run(answers(here, place)) == said == asyncio.run(answers(back, place))


@pytest.mark.system
def test_what_is_refused_in_one_line(terminal: Terminal, source: Path) -> None:
    itself, nowhere = f"sqlite:///{source}", f"sqlite:///{terminal.folder}/nowhere.db"
    old = f"sqlite:///{terminal.folder}/old.db"
    terminal.type("db", "copy", "--to", old)
    with closing(sqlite3.connect(terminal.folder / "old.db", isolation_level=None)) as connection:
        connection.execute("update alembic_version set version_num = '0003'")
    for arguments, words in (
        (("--to", itself), "is both source and target"),
        (("--to", "mysql://here/it"), "neither a SQLite file nor PostgreSQL"),
        (("--from", nowhere, "--to", other(terminal)), "There is no database at"),
        (("--from", old, "--to", other(terminal)), "folkmoot db upgrade"),
        (("--to", old), "name an empty database"),
    ):
        printed = terminal.type("db", "copy", *arguments)
        assert printed.code in (1, 2), arguments
        assert printed.out == ""
        assert words in printed.err
        assert printed.err.count("\n") == 1
    assert not (terminal.folder / "nowhere.db").exists()
    assert terminal.type("db", "copy").code == 2


@pytest.mark.system
def test_a_target_with_somebodys_work_in_it_is_left_alone(terminal: Terminal, source: Path) -> None:
    assert terminal.type("db", "copy", "--to", other(terminal)).code == 0
    was = (terminal.folder / "other.db").read_bytes()
    printed = terminal.type("db", "copy", "--to", other(terminal))
    assert printed.code == 1
    assert "The target holds rows already (workspaces 1, projects 1)" in printed.err
    assert (terminal.folder / "other.db").read_bytes()[100:] == was[100:], "but for the counter in its header"


@pytest.mark.system
def test_a_target_that_a_server_has_only_started_on_is_as_good_as_new(terminal: Terminal, source: Path) -> None:
    async def start() -> None:
        async with running(settings_for(other(terminal), terminal.folder / "elsewhere")):
            pass

    asyncio.run(start())
    printed = terminal.type("db", "copy", "--json", "--to", other(terminal))
    assert printed.code == 0, printed.out
    assert hashes(printed.out)["agent_definitions"][0] == 0, "the target has what the source has"


@pytest.mark.system
def test_not_while_somebody_works_on_either_file(terminal: Terminal, source: Path) -> None:
    folder = terminal.folder / "target"
    for place in (source.parent, folder):
        holder = Holder.try_acquire(place, "http://127.0.0.1:8000")
        assert holder is not None
        printed = terminal.type("db", "copy", "--to", f"sqlite:///{folder}/folkmoot.db")
        holder.release()
        assert (printed.code, printed.out) == (1, "")
        assert f"Another process works on {place}; stop it first" in printed.err
    assert not (folder / "folkmoot.db").exists()
    assert terminal.type("db", "copy", "--to", f"sqlite:///{folder}/folkmoot.db").code == 0


@pytest.mark.postgres
def test_not_while_a_process_lives_on_postgresql(terminal: Terminal, source: Path, own_postgres_url: str) -> None:
    async def live() -> None:
        database = connect(own_postgres_url)
        await database.open()
        await database.write(beat, HostInfo("a host"))
        await database.close()

    asyncio.run(live())
    for arguments in (("--to", own_postgres_url), ("--from", own_postgres_url, "--to", other(terminal))):
        printed = terminal.type("db", "copy", *arguments)
        assert (printed.code, printed.out) == (1, "")
        assert "Another process works on postgresql://" in printed.err
        assert "45 seconds" in printed.err


@pytest.mark.postgres
def test_a_database_that_nobody_made(terminal: Terminal, source: Path, own_postgres_url: str) -> None:
    printed = terminal.type("db", "copy", "--to", f"{own_postgres_url}_nowhere")
    assert printed.code == 1
    assert "must have been created" in printed.err


@pytest.mark.system
def test_a_backup_beside_a_running_server(terminal: Terminal) -> None:
    """It is a whole database of one moment, and it restores by being put in the file's place."""
    data = terminal.folder / "data"
    url = f"sqlite:///{data}/folkmoot.db"

    async def one_more(app: FastAPI) -> None:
        await app.state.runtime.db.write(new_scope)

    async def work() -> tuple[int, str, str]:
        async with running(settings_for(url, data)) as app:
            await one_more(app)
            started = await asyncio.create_subprocess_exec(
                *PROGRAM,
                "db",
                "backup",
                "kept.db",
                "--json",
                cwd=terminal.folder,
                env=environment(terminal.folder),
                stdout=-1,
                stderr=-1,
            )
            backing = asyncio.create_task(started.communicate())
            while not (await asyncio.wait({backing}, timeout=0.01))[0]:
                await one_more(app)
            out, err = await backing
            return started.returncode or 0, out.decode(), err.decode()

    code, out, err = asyncio.run(work())
    assert (code, err) == (0, ""), err
    kept = terminal.folder / "kept.db"
    assert json.loads(out)["bytes"] == kept.stat().st_size
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in terminal.folder.glob("kept.db*")] == ["kept.db"]
    with closing(sqlite3.connect(kept)) as connection:
        counts = [
            connection.execute(f"select count(*) from {name}").fetchone()[0] for name in ("workspaces", "projects")
        ]
        assert counts[0] == counts[1] >= 2
    assert current(f"sqlite:///{kept}") == head()


@pytest.mark.system
def test_what_a_backup_refuses(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = terminal.type("db", "backup", "kept.db")
    assert (printed.code, printed.out) == (2, "")
    assert "There is no database at" in printed.err
    terminal.type("db", "upgrade")
    printed = terminal.type("db", "backup", "nowhere/kept.db")
    assert printed.code == 2
    assert "There is no folder" in printed.err
    (terminal.folder / "kept.db").write_text("precious")
    printed = terminal.type("db", "backup", "kept.db")
    assert printed.code == 1
    assert "a backup overwrites nothing" in printed.err
    assert (terminal.folder / "kept.db").read_text() == "precious"
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hidden@db.example:6432/moot?sslmode=require")
    printed = terminal.type("db", "backup", "kept file.dump")
    assert (printed.code, printed.out) == (2, "")
    command = "pg_dump --format=custom '--file=kept file.dump' 'postgresql://me@db.example:6432/moot?sslmode=require'"
    assert command in printed.err
    assert "hidden" not in printed.err


@pytest.mark.system
def test_a_broken_file_is_not_backed_up(terminal: Terminal) -> None:
    terminal.type("db", "upgrade")
    path = terminal.folder / "data" / "folkmoot.db"
    spoiled = bytearray(path.read_bytes())
    spoiled[len(spoiled) // 2 :] = b"\x07" * (len(spoiled) - len(spoiled) // 2)
    path.write_bytes(spoiled)
    printed = terminal.type("db", "backup", "kept.db")
    assert printed.code == 1
    assert not [*terminal.folder.glob("kept.db*")]


@pytest.mark.system
def test_files_of_artifacts_are_backed_up_beside_the_database(terminal: Terminal) -> None:
    terminal.type("db", "upgrade")
    files = ArtifactFiles(terminal.folder / "data" / "artifacts", 100)
    names = {files.write(content) for content in (b"one", b"two")}
    printed = terminal.type("db", "backup", "kept.db")
    assert printed.code == 0, printed
    assert "kept.db.artifacts: 2 files" in printed.out
    beside = terminal.folder / "kept.db.artifacts"
    assert {path.name: path.read_bytes() for path in beside.iterdir()} == {
        name: files.path(name).read_bytes() for name in names
    }
    assert {path.name for path in terminal.folder.glob("kept.db*")} == {"kept.db", "kept.db.artifacts"}
    (terminal.folder / "kept.db").unlink()
    again = terminal.type("db", "backup", "kept.db")
    assert again.code == 1
    assert "a backup overwrites nothing" in again.err
