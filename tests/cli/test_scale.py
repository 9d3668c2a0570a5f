"""`folkmoot bench scale`: what is refused before anything is started, and what is said of where the limit was."""

import pytest

from folkmoot.cli.scale_meter import Meter
from tests.cli.terminal import Terminal


def test_what_cannot_be_measured(terminal: Terminal) -> None:
    for arguments, says in {
        ("--workers", "2"): "Workers need PostgreSQL",
        ("--database", "sqlite:///other.db"): "--database is for PostgreSQL",
        ("--database", "mysql://there/db"): "DATABASE_URL names neither",
        ("--runs", "0"): "'--runs'",
        ("--seconds", "0"): "'--seconds'",
        ("--workspaces", "0"): "'--workspaces'",
        ("--workers", "33", "--database", "postgresql://127.0.0.1:1/none"): "'--workers'",
    }.items():
        printed = terminal.type("bench", "scale", *arguments)
        assert printed.code in (1, 2), arguments
        assert printed.out == "", arguments
        assert says in printed.err, (arguments, printed.err)
    assert [*terminal.folder.iterdir()] == []


def test_a_database_out_of_reach_is_said_at_once(terminal: Terminal) -> None:
    printed = terminal.type("bench", "scale", "--json", "--database", "postgresql://127.0.0.1:1/none")
    assert printed.code == 1
    assert '"code":"database_unavailable"' in printed.out


@pytest.mark.postgres
def test_a_database_that_holds_anything_is_left_alone(terminal: Terminal, own_postgres_url: str) -> None:
    printed = terminal.type("bench", "scale", "--database", own_postgres_url)
    assert printed.code == 1
    assert "tables already and is left alone" in printed.err


@pytest.mark.parametrize(
    ("cores", "machine", "locked", "says"),
    [
        ({"workers": 1.9}, 1.0, 0, "the workers"),
        ({"api": 0.95}, 1.0, 0, "the API process"),
        ({"here": 0.9, "workers": 2.0}, 1.0, 0, "this command"),
        ({"workers": 900.0}, 1_000.0, 0, "which all parts share"),
        ({"workers": 0.4}, 1_000.0, 0, "which others keep busy"),
        ({"workers": 0.4}, 1.0, 12, "event head"),
        ({"workers": 0.4}, 1.0, 9, "not reached"),
    ],
)
def test_where_the_limit_was(cores: dict[str, float], machine: float, locked: int, says: str) -> None:
    meter = Meter(cores={"api": 0.1, "workers": 0.1, "here": 0.1, "database": 0.1, **cores}, machine=machine)
    meter.activity.looks, meter.activity.locked = 10, locked
    assert says in meter.limit(workers=2)
