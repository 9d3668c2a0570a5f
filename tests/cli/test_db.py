"""`folkmoot db`: forward, back, where it is, and the next revision."""

from pathlib import Path

import pytest

from folkmoot.engine.holder import Holder
from folkmoot.migrations import upgrade as migrations
from folkmoot.migrations.upgrade import head, next_revision
from tests.cli.terminal import Terminal

pytestmark = pytest.mark.system  # files, processes and whole databases

BEFORE_HEAD = f"{int(head()) - 1:04}"


@pytest.fixture
def shown(terminal: Terminal) -> str:
    return f"sqlite:///{terminal.folder}/data/folkmoot.db"


def test_forward_and_back(terminal: Terminal, shown: str) -> None:
    assert terminal.type("db", "current") == (1, f"{shown}: at nothing yet, this version has {head()}\n", "")
    assert not (terminal.folder / "data").exists()
    assert terminal.type("db", "upgrade", "0001") == (0, f"{shown}: upgraded to 0001\n", "")
    assert terminal.type("db", "upgrade", "+1") == (0, f"{shown}: upgraded to 0002\n", "")
    assert terminal.type("db", "current") == (1, f"{shown}: at 0002, this version has {head()}\n", "")
    assert terminal.type("db", "upgrade") == (0, f"{shown}: upgraded to {head()}\n", "")
    assert terminal.type("db", "upgrade") == (0, f"{shown}: already at {head()}\n", "")
    assert terminal.type("db", "current") == (0, f"{shown}: at {head()}, this version has {head()}\n", "")
    assert terminal.type("db", "downgrade", "-1") == (0, f"{shown}: downgraded to {BEFORE_HEAD}\n", "")
    assert terminal.type("db", "downgrade", "0001") == (0, f"{shown}: downgraded to 0001\n", "")
    assert terminal.type("db", "downgrade", "base") == (0, f"{shown}: downgraded to nothing\n", "")


def test_what_leads_nowhere(terminal: Terminal) -> None:
    terminal.type("db", "upgrade")
    for arguments in (("downgrade", "7777"), ("downgrade", "-99"), ("upgrade", "what"), ("upgrade", "+1")):
        printed = terminal.type("db", *arguments)
        assert (printed.code, printed.out) == (2, ""), arguments
        assert printed.err.startswith("folkmoot: ")
        assert printed.err.count("\n") == 1
    assert terminal.type("db", "current").code == 0
    assert terminal.type("db", "downgrade").code == 2


def test_not_back_while_somebody_works_on_it(terminal: Terminal) -> None:
    terminal.type("db", "upgrade")
    holder = Holder.try_acquire(terminal.folder / "data", "http://127.0.0.1:8000")
    assert holder is not None
    printed = terminal.type("db", "downgrade", "-1")
    holder.release()
    assert (printed.code, printed.out) == (1, "")
    assert "stop it first" in printed.err
    assert terminal.type("db", "current").code == 0


def test_the_next_revision(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "migrations"
    for path in migrations.HERE.rglob("*"):
        if path.suffix in (".py", ".mako"):
            copy = place / path.relative_to(migrations.HERE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text())
    monkeypatch.setattr(migrations, "HERE", place)
    number = next_revision()
    assert terminal.type("db", "revision", "-m", "Add moons").code == 2
    terminal.type("db", "upgrade")
    printed = terminal.type("db", "revision", "-m", "Add moons", "--empty")
    assert (printed.code, printed.out) == (0, f"{place}/versions/{number}_add_moons.py\n")
    written = (place / f"versions/{number}_add_moons.py").read_text()
    assert f'revision = "{number}"' in written.replace("'", '"')
    assert terminal.type("db", "upgrade").out.endswith(f"upgraded to {number}\n")
    following = f"{int(number) + 1:04}"
    printed = terminal.type("db", "revision", "-m", "More")
    assert (printed.code, printed.out) == (0, f"{place}/versions/{following}_more.py\n")
    assert "op." not in (place / f"versions/{following}_more.py").read_text(), "the tables are as the database is"
