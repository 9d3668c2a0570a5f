"""`folkmoot doctor`: what is well, what is not, and what to do about it; it changes nothing."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from folkmoot.cli import checkup
from folkmoot.engine.holder import Holder
from folkmoot.engine.liveness import PostgresLiveness
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject, loads
from folkmoot.migrations.upgrade import downgrade, head, upgrade
from tests.cli.terminal import Terminal
from tests.serving import settings_for
from tests.stubs.openai_stub import OpenAIStub, Reply


def checks(out: str) -> dict[str, JsonObject]:
    document = loads(out)
    assert isinstance(document, dict)
    listed = document["checks"]
    assert isinstance(listed, list)
    found = {str(check["part"]): check for check in listed if isinstance(check, dict)}
    assert document["ok"] == all(check["state"] != "failed" for check in found.values())
    return found


def states(terminal: Terminal) -> dict[str, object]:
    printed = terminal.type("doctor", "--json")
    found = checks(printed.out)
    assert printed.code == (1 if "failed" in {check["state"] for check in found.values()} else 0)
    for check in found.values():
        assert (check["advice"] is None) == (check["state"] == "ok")
    return {name: check["state"] for name, check in found.items()}


WELL = dict.fromkeys(("settings", "disk", "database", "migrations", "worker", "model"), "ok")


def test_before_the_first_start(terminal: Terminal) -> None:
    assert states(terminal) == WELL
    assert list(terminal.folder.iterdir()) == []
    printed = terminal.type("doctor")
    assert [line.split()[:2] for line in printed.out.splitlines()] == [["ok", part] for part in WELL]


def test_a_database_that_is_behind_or_ahead(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{terminal.folder}/data/folkmoot.db"
    upgrade(url)
    assert states(terminal) == WELL
    downgrade(url, "-1")
    assert states(terminal) == {**WELL, "migrations": "warning"}
    assert "folkmoot db upgrade" in terminal.type("doctor").out
    upgrade(url)
    monkeypatch.setattr(checkup, "head", lambda: "0001")
    assert states(terminal) == {**WELL, "migrations": "failed"}
    assert head() in terminal.type("doctor").out


def test_a_file_that_is_no_database(terminal: Terminal) -> None:
    (terminal.folder / "data").mkdir()
    (terminal.folder / "data/folkmoot.db").write_text("a text file" * 1000)
    printed = terminal.type("doctor")
    assert printed.code == 1
    assert "file is not a database" in printed.out


def test_who_works(terminal: Terminal) -> None:
    holder = Holder.try_acquire(terminal.folder / "data", "http://127.0.0.1:8000")
    assert holder is not None
    assert "a server at http://127.0.0.1:8000" in terminal.type("doctor").out
    holder.say(None)
    assert "a folkmoot command" in terminal.type("doctor").out
    holder.release()
    assert "nobody works on" in terminal.type("doctor").out


def test_the_data_directory(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    (terminal.folder / "file").write_text("x")
    monkeypatch.setenv("DATA_DIR", str(terminal.folder / "file" / "data"))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{terminal.folder}/other.db")
    assert states(terminal)["disk"] == "failed"


@pytest.mark.parametrize(("free", "state"), [(50, "failed"), (500, "warning"), (5000, "ok")])
def test_room_on_the_disk(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    class Usage:
        def __init__(self) -> None:
            self.free = free * 1_000_000

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage())
    assert states(terminal)["disk"] == state


def test_settings_a_start_would_refuse(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_WORKERS", "2")
    monkeypatch.setenv("DEFAULT_MODEL", "nobody:knows")
    found = states(terminal)
    assert (found["settings"], found["database"], "model" in found) == ("failed", "ok", False)
    monkeypatch.setenv("API_WORKERS", "many")
    printed = terminal.type("doctor")
    assert (printed.code, printed.out) == (1, "")
    assert printed.err.startswith("folkmoot: API_WORKERS: ")


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.system
def test_servers_that_are_not_there(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    port = unused_port()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
    monkeypatch.setenv("DEFAULT_MODEL", "openai:stub-1")
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}")
    monkeypatch.setenv("DATABASE_URL", f"postgresql://me:hush@127.0.0.1:{port}/x")
    assert states(terminal) == {
        "settings": "ok",
        "disk": "ok",
        "database": "failed",
        "redis": "failed",
        "model": "failed",
    }
    assert "hush" not in terminal.type("doctor").out


@contextmanager
def speaking(answers: dict[bytes, bytes]) -> Iterator[int]:
    """A server of lines that knows these commands, as Redis is one; its port."""

    def serve_one(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            while said := connection.recv(1000):
                connection.sendall(next(answer for words, answer in answers.items() if words in said))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve_one, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


@pytest.mark.parametrize(
    ("login", "answers", "state"),
    [
        ("", {b"PING": b"+PONG\r\n"}, "ok"),
        ("", {b"PING": b"-NOAUTH Authentication required.\r\n"}, "failed"),
        (":p%40ss@", {b"AUTH\r\n$4\r\np@ss": b"+OK\r\n", b"PING": b"+PONG\r\n"}, "ok"),
        ("me:no@", {b"AUTH\r\n$2\r\nme\r\n$2\r\nno": b"-WRONGPASS invalid\r\n"}, "failed"),
    ],
)
def test_redis(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, login: str, answers: dict[bytes, bytes], state: str
) -> None:
    with speaking(answers) as port:
        monkeypatch.setenv("REDIS_URL", f"redis://{login}127.0.0.1:{port}/0")
        assert states(terminal)["redis"] == state
    monkeypatch.setenv("REDIS_URL", "http://127.0.0.1")
    assert states(terminal)["redis"] == "failed"


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (Reply(text="yes"), "ok"),
        (Reply(text="yes and", finish="length"), "ok"),
        (Reply(status=401, text="bad key"), "failed"),
        (Reply(status=404, text="no such model"), "failed"),
    ],
)
async def test_the_language_model_is_asked(tmp_path: Path, reply: Reply, state: str) -> None:
    async with OpenAIStub([reply]) as stub:
        settings = settings_for(f"sqlite:///{tmp_path}/a.db", tmp_path).model_copy(
            update={
                "default_model": "openai:stub-1",
                "openai_base_url": stub.base_url,
                "openai_api_key": SecretStr("hush"),
            }
        )
        found = {finding.part: finding async for finding in checkup.examine(settings)}
    assert found["model"].state == state
    assert len(stub.calls) == 1
    assert "hush" not in str(found)


@pytest.mark.postgres
async def test_postgres(own_postgres_url: str, tmp_path: Path) -> None:
    settings = settings_for(own_postgres_url, tmp_path)
    found = {finding.part: finding async for finding in checkup.examine(settings)}
    assert {finding.state for finding in found.values()} == {"ok"}
    assert found["worker"].text == "nobody works the runs right now"
    liveness = PostgresLiveness(own_postgres_url, new_id())
    await liveness.beat()
    found = {finding.part: finding async for finding in checkup.examine(settings)}
    assert found["worker"].text == "a server works the runs"
    await liveness.close()
    assert "vectors" not in found, "without a model for embeddings there are none"
    settings = settings.model_copy(update={"embedding_model": "openai:embed-stub"})
    (searched,) = [finding.text async for finding in checkup.examine(settings) if finding.part == "vectors"]
    assert searched.startswith(("are searched in the database, by pgvector", "are scanned"))


@pytest.mark.system
def test_tools_that_agents_name_and_nobody_has(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    config = '{"tools": ["search_knowledge", "serch_knowledge", "files__read"]}'
    made = terminal.type("agents", "create", "assistant", "--name", "Ada", "--config", config)
    assert made.err.splitlines() == [
        "warning: There is no tool serch_knowledge here now; it is passed over",
        "warning: There is no tool files__read here now; it is passed over",
    ]
    assert "warning: There is no tool files__read" in terminal.type("agents", "show", "ada").err
    assert states(terminal) == {**WELL, "tools": "warning"}
    assert "ada names serch_knowledge, files__read" in terminal.type("doctor").out
    monkeypatch.setenv("MCP_STDIO_SERVERS", '[{"name": "files", "command": "true", "args": []}]')
    said = terminal.type("doctor").out
    assert "serch_knowledge" in said
    assert "files__read" not in said, "a program's tools are known by it alone, and nothing starts it"
