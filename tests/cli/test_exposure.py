"""Who may listen where, and how commands get in once there are users."""

import io
import signal
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal, process, until

PASSWORD = "nine lives of a cat"


def create_admin(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{PASSWORD}\n".encode())))
    printed = terminal.type("users", "create-admin", "--email", "ada@example.org", "--password-stdin")
    assert printed.code == 0, printed.err


def test_a_refused_start_makes_nothing(terminal: Terminal) -> None:
    printed = terminal.type("serve", "--host", "0.0.0.0", "--port", "0")
    assert printed.code != 0
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    for hint in ("AUTH=required", "folkmoot users create-admin", "127.0.0.1"):
        assert hint in printed.err
    assert list(terminal.folder.iterdir()) == []


def test_contradictions(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--reload" in terminal.type("serve", "--insecure-no-auth", "--reload").err
    monkeypatch.setenv("AUTH", "required")
    assert "AUTH=required" in terminal.type("serve", "--insecure-no-auth").err


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AUTH", "optional", "AUTH: "),
        ("SECRET_KEY", "dev_secret_key_change_me", "SECRET_KEY: "),
        ("DATABASE_URL", "postgresql://postgres:postgres@db.example.org/folkmoot", "DB_PASSWORD: "),
        ("BACKEND_CORS_ORIGINS", "https://*.example.org", "BACKEND_CORS_ORIGINS: "),
    ],
)
def test_unsafe_settings(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv("AUTH", "required")
    monkeypatch.setenv(name, value)
    printed = terminal.type("serve", "--port", "0")
    assert printed.code != 0
    assert said in printed.err
    assert value not in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.system
def test_the_admin_token(terminal: Terminal) -> None:
    nothing = terminal.type("token", "show")
    assert nothing.code == 2
    assert "the first start writes it" in nothing.err
    assert terminal.type("runs", "list").code == 0
    printed = terminal.type("token", "show")
    path = Path(printed.err.strip())
    assert printed.code == 0
    assert printed.out.strip() == path.read_text().strip()
    assert printed.out.startswith("fmadmin_")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.system
def test_commands_go_on_when_there_are_users(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    create_admin(terminal, monkeypatch)
    assert "ada@example.org" in terminal.type("users", "list").out
    with process(terminal.folder, "serve", "--host", "0.0.0.0", "--port", "0") as server:
        assert "://0.0.0.0:" in until(server.stdout, "address")
        assert str(terminal.folder / "data" / "admin.token") in until(server.stdout, "token")
        assert "ada@example.org" in terminal.type("users", "list").out
        assert terminal.type("run", "Say hello").code == 0
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=15) == 0
    assert terminal.type("runs", "list").code == 0


@pytest.mark.system
def test_required_makes_the_admin_token_count(terminal: Terminal) -> None:
    with process(terminal.folder, "serve", "--host", "0.0.0.0", "--port", "0", AUTH="required") as server:
        assert "admin.token" in until(server.stderr, "made an admin token")
        until(server.stdout, "model")
        assert terminal.type("run", "Say hello").code == 0
        token = terminal.folder / "data" / "admin.token"
        kept = token.read_text()
        token.unlink()
        refused = terminal.type("runs", "list")
        assert refused.code != 0
        assert "needs a login" in refused.err
        token.write_text(kept)
        token.chmod(0o600)
        assert terminal.type("runs", "list").code == 0


@pytest.mark.system
def test_insecure_is_said_at_every_start(terminal: Terminal) -> None:
    for _ in range(2):
        with process(terminal.folder, "serve", "--host", "0.0.0.0", "--port", "0", "--insecure-no-auth") as server:
            until(server.stdout, "WARNING")
            assert "owns everything" in until(server.stderr, "no authentication")
