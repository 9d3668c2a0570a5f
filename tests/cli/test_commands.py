"""The program's outside: help, names, and what cannot be asked of it."""

import subprocess
import sys

from folkmoot import __version__
from folkmoot.kernel.json import loads
from tests.cli.terminal import Terminal

HEAVY = ("aiohttp", "fastapi", "sqlalchemy", "alembic", "uvicorn", "pydantic")


def test_help_names_every_command_and_loads_none_of_them() -> None:
    program = (
        "import sys; from folkmoot.cli.commands import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit: print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.endswith("[]\n"), done.stdout + done.stderr
    for name in ("run", "resume", "runs", "agents", "workspaces", "serve", "config", "doctor", "db", "version"):
        assert f"\n  {name} " in done.stdout


def test_help_is_quick_to_say_what_a_command_takes(terminal: Terminal) -> None:
    printed = terminal.type("run", "--help")
    assert printed.code == 0
    for option in ("--file", "--team", "--model", "--max-rounds", "--out", "--json"):
        assert option in printed.out


def test_version(terminal: Terminal) -> None:
    assert terminal.type("version") == (0, f"folkmoot {__version__}\n", "")


def test_what_cannot_be_asked(terminal: Terminal) -> None:
    (terminal.folder / "image.png").write_bytes(b"\x89PNG\x00")
    (terminal.folder / "file").write_text("x")
    for arguments, says in {
        ("walk",): "No such command 'walk'",
        ("run",): "Missing argument 'TASK'",
        ("run", " \n"): "The task is empty",
        ("run", "x", "--max-rounds", "21"): "20",
        ("run", "x", "--file", "missing.md"): "There is no file missing.md",
        ("run", "x", "--file", "image.png"): "image.png is not UTF-8 text",
        ("run", "x", "--out", "file"): "file cannot be used as a folder",
        ("resume", "../secrets"): "../secrets is no run's id",
        ("runs", "show", "7"): "7 is no run's id",
        ("serve", "--host", "0.0.0.0"): "does not listen on 0.0.0.0 in local mode",
        ("serve", "--host", "example.org"): "does not listen on example.org",
        ("serve", "--workers", "2"): "exactly one process works on a SQLite file",
    }.items():
        printed = terminal.type(*arguments)
        assert printed.code == 2, arguments
        assert printed.out == "", arguments
        assert says in printed.err, arguments
    assert not (terminal.folder / "data").exists()


def test_a_problem_is_told_as_json_too(terminal: Terminal) -> None:
    printed = terminal.type("run", "", "--json")
    assert printed.code == 2
    assert loads(printed.out) == {
        "code": "bad_usage",
        "detail": "The task is empty; say what is to be done",
        "error": "The task is empty; say what is to be done",
    }
