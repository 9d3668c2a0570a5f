"""`folkmoot config`: every setting in effect on a line of its own, no secret among them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from folkmoot.cli.config import shown
from folkmoot.kernel.settings import Settings, StdioServer, names_of, secrets_in
from tests.cli.terminal import PROGRAM, Terminal, environment

LINE = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")

SEED_000 = """\
# API Server
API_HOST=127.0.0.1
API_PORT=8000
API_RELOAD=true          # Auto-reload on code changes
API_WORKERS=1            # Number of Uvicorn workers

# MGX Agent
MGX_MAX_ROUNDS=5
MGX_CACHE_BACKEND=memory  # Options: none, memory, redis

# Database
DB_HOST=localhost
DB_PORT=5432
DB_USER=postgres
DB_PASSWORD=postgres
DB_NAME=mgx_agent

# Logging
LOG_LEVEL=INFO
DEBUG=false

AGENTS_ENABLED=true
AGENT_MAX_CONCURRENCY=10
AGENT_CONTEXT_HISTORY_LIMIT=100
AGENT_MESSAGE_RETENTION_LIMIT=1000
AGENT_MESSAGE_ACK_WINDOW_SECONDS=3600
AGENT_REGISTRY_MODULES=myapp.agents  # Auto-load agent definitions
"""
SEED_003 = """\
SECRET_KEY=dev_secret_key_change_me
POSTGRES_SERVER=localhost
POSTGRES_USER=postgres
POSTGRES_PASSWORD=password
POSTGRES_DB=coagent_db
BACKEND_CORS_ORIGINS=["http://localhost:5173"]
"""


def values(out: str) -> dict[str, str]:
    found = [LINE.fullmatch(line) for line in out.splitlines()]
    assert all(found), out
    return {match[1]: match[2] for match in found if match}


@pytest.fixture
def bare(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """No setting but those of the test, and no data directory of the terminal's."""
    for key, field in Settings.model_fields.items():
        for name in names_of(key, field):
            monkeypatch.delenv(name, raising=False)
    return terminal


def test_every_setting_is_shown_once(bare: Terminal) -> None:
    printed = bare.type("config")
    assert (printed.code, printed.err) == (0, "")
    shown = values(printed.out)
    assert list(shown) == [names_of(key, field)[0] for key, field in Settings.model_fields.items()]
    assert shown["API_HOST"] == "127.0.0.1"
    assert shown["DATABASE_URL"] == f"sqlite:///{bare.folder}/folkmoot-data/folkmoot.db"
    assert not (bare.folder / "folkmoot-data").exists()


def test_the_env_file_of_seed_000(bare: Terminal) -> None:
    (bare.folder / ".env").write_text(SEED_000)
    printed = bare.type("config")
    assert printed.code == 0, printed.err
    shown = values(printed.out)
    assert shown["DATABASE_URL"] == "postgresql://postgres:***@localhost:5432/mgx_agent"
    assert shown["DB_PASSWORD"] == "********"
    assert shown["AGENT_REGISTRY_MODULES"] == '["myapp.agents"]'
    assert (shown["API_WORKERS"], shown["DEBUG"], shown["AGENT_MESSAGE_RETENTION_LIMIT"]) == ("1", "false", "1000")
    assert "postgres:postgres" not in printed.out
    assert shown["MGX_CACHE_BACKEND"] == "memory"
    assert "myapp" not in sys.modules


def test_the_env_file_of_seed_003(bare: Terminal) -> None:
    (bare.folder / ".env").write_text(SEED_003)
    printed = bare.type("config")
    assert printed.code == 0, printed.err
    shown = values(printed.out)
    assert shown["DATABASE_URL"] == "postgresql://postgres:***@localhost:5432/coagent_db"
    assert shown["BACKEND_CORS_ORIGINS"] == '["http://localhost:5173"]'
    assert "password" not in printed.out
    assert "dev_secret_key" not in printed.out + printed.err


def test_what_is_printed_is_an_env_file(bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(bare.folder / "my # own 'data'"))
    monkeypatch.setenv("DEFAULT_MODEL", "practice")
    printed = bare.type("config")
    monkeypatch.delenv("DATA_DIR")
    (bare.folder / ".env").write_text(printed.out)
    assert bare.type("config").out == printed.out


def test_secrets_are_masked(bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DATABASE_URL": "postgresql://me:hush-1@db.example:5433/x",
        "OPENAI_API_KEY": "hush-2",
        "GOOGLE_API_KEY": "hush-3",
        "OPENAI_BASE_URL": "http://user:hush-4@models.example/v1",
        "OLLAMA_HOST": "http://hush-5@ollama.example",
        "REDIS_URL": "redis://:hush-6@redis.example",
        "DB_PASSWORD": "hush-7",
        "SECRET_KEY": "hush-8",
    }.items():
        monkeypatch.setenv(name, value)
    printed = bare.type("config")
    assert "hush" not in printed.out + printed.err
    shown = values(printed.out)
    assert shown["DATABASE_URL"] == "postgresql://me:***@db.example:5433/x"
    assert shown["OPENAI_BASE_URL"] == "http://********@models.example/v1"


def test_what_a_start_would_refuse_is_only_marked(bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "API_HOST": "0.0.0.0",
        "API_WORKERS": "4",
        "DATABASE_URL": "mysql://me:hush@db/x",
        "DEFAULT_MODEL": "nobody:knows",
        "AGENT_REGISTRY_MODULES": "no.such.module",
    }.items():
        monkeypatch.setenv(name, value)
    printed = bare.type("config")
    assert printed.code == 0
    marked = {name for name, value in values(printed.out).items() if "  # refused: " in value}
    assert marked == {"API_HOST", "API_WORKERS", "DATABASE_URL", "DEFAULT_MODEL"}
    assert "hush" not in printed.out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_PORT", "many"),
        ("BACKEND_CORS_ORIGINS", "*"),
        ("AGENT_REGISTRY_MODULES", "my agents"),
        ("AGENT_MESSAGE_RETENTION_LIMIT", "0"),
    ],
)
def test_what_cannot_be_read_ends_it(bare: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    printed = bare.type("config")
    assert printed.code != 0
    assert printed.out == ""
    assert printed.err.startswith(f"folkmoot: {name}: ")
    assert printed.err.count("\n") == 1


@pytest.mark.system
def test_it_opens_no_database_and_loads_no_agents(tmp_path: Path) -> None:
    script = f"{PROGRAM[-1].replace('main()', '')}\ntry: main(['config'])\nexcept SystemExit: pass\nprint(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {script}"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    loaded = done.stdout.splitlines()[-1]
    assert "folkmoot.cli.config" in loaded, done.stderr
    assert "folkmoot.agents" not in loaded
    assert "alembic" not in loaded
    assert list(tmp_path.iterdir()) == []


def test_a_servers_own_environment_is_masked() -> None:
    server = StdioServer(name="files", command="npx", env={"KEY": SecretStr("its secret")})
    line = shown([server])
    assert line == '[{"name":"files","command":"npx","args":[],"env":{"KEY":"**********"}}]'
    assert "its secret" in secrets_in(Settings(_env_file=None, mcp_stdio_servers=[server]))
