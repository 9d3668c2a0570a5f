"""`folkmoot worker` and `folkmoot workers`: what is refused, and what is shown."""

import pytest

from tests.cli.terminal import Terminal


@pytest.mark.parametrize("arguments", [("worker",), ("serve", "--no-worker", "--port", "0")])
def test_on_sqlite_there_are_no_workers(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    printed = terminal.type(*arguments)
    assert printed.code == 2
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert "PostgreSQL" in printed.err
    assert list(terminal.folder.iterdir()) == []


def test_a_process_that_cannot_be_is_not_asked_to_drain(terminal: Terminal) -> None:
    printed = terminal.type("workers", "drain", "nobody")
    assert printed.code == 2
    assert "folkmoot workers list" in printed.err


@pytest.mark.system
def test_the_processes_are_listed(terminal: Terminal) -> None:
    printed = terminal.type("workers", "list")
    assert printed.code == 0, printed.err
    assert "guest" in printed.out, "the command itself, which looks and works on nothing"
