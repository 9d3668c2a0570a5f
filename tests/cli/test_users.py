"""Users as they are typed: an admin is made whether a server runs or not, on both databases."""

import io
import sys

import pytest

from folkmoot.kernel.json import JsonObject, loads
from tests.cli.terminal import Printed, Terminal, process, until

PASSWORD = "nine lives of a cat"


def password_is(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))


def create(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, email: str, *more: str) -> Printed:
    password_is(monkeypatch, f"{PASSWORD}\n".encode())
    return terminal.type("users", "create-admin", "--email", email, "--password-stdin", *more)


def listed(terminal: Terminal) -> list[JsonObject]:
    printed = terminal.type("users", "list", "--json")
    assert printed.code == 0, printed
    page = loads(printed.out)
    assert isinstance(page, dict)
    assert isinstance(page["users"], list)
    return [user for user in page["users"] if isinstance(user, dict)]


def are_made(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two admins, and one that is refused."""
    made = create(terminal, monkeypatch, "ada@example.org", "--full-name", "Ada L.")
    assert (made.code, made.err) == (0, ""), made
    said, user_id = made.out.splitlines()
    assert said == "ada@example.org"
    assert PASSWORD not in made.out
    assert create(terminal, monkeypatch, "bob@example.org").code == 0
    again = create(terminal, monkeypatch, "ADA@example.org")
    assert again.code == 1
    assert "There is a user with that e-mail address" in again.err
    users = listed(terminal)
    assert [(user["email"], user["is_admin"]) for user in users] == [
        ("bob@example.org", True),
        ("ada@example.org", True),
    ]
    assert user_id == f"user {users[1]['id']}"


@pytest.mark.system
def test_without_a_server(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    are_made(terminal, monkeypatch)
    table = terminal.type("users", "list").out.splitlines()
    assert table[0].split() == ["USER", "SINCE", "KIND", "NAME", "EMAIL"]
    assert table[2].split()[3:] == ["admin", "Ada", "L.", "ada@example.org"]
    assert [words.split()[1] for words in terminal.type("workspaces", "list").out.splitlines()[1:]] == [
        "bob",
        "default",
    ]


@pytest.mark.system
@pytest.mark.postgres
def test_on_postgres(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, own_postgres_url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", own_postgres_url)
    are_made(terminal, monkeypatch)


@pytest.mark.system
def test_beside_a_server(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with process(terminal.folder, "serve", "--port", "0") as server:
        until(server.stdout, "database")
        are_made(terminal, monkeypatch)


@pytest.mark.parametrize(("raw", "why"), [(b"", "no password"), (b"\xff\xfe\n", "cannot be sent")])
def test_passwords_that_are_none(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, raw: bytes, why: str) -> None:
    password_is(monkeypatch, raw)
    printed = terminal.type("users", "create-admin", "--email", "ada@example.org", "--password-stdin")
    assert (printed.code, why in printed.err) == (2, True), printed
    assert not (terminal.folder / "data").exists()


def test_the_address_is_not_asked_for_where_the_password_comes_on_stdin(terminal: Terminal) -> None:
    printed = terminal.type("users", "create-admin", "--password-stdin")
    assert printed.code == 2
    assert "--email" in printed.err
