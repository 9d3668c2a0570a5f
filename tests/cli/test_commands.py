"""The program's outside: help, names, and what cannot be asked of it."""

import subprocess
import sys
from pathlib import Path

HEAVY = ("aiohttp", "fastapi", "sqlalchemy", "alembic", "uvicorn", "pydantic", "pydantic_ai")


def folkmoot(*arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a real process."""
    done = subprocess.run(
        [sys.executable, "-m", "folkmoot.cli", *arguments], capture_output=True, text=True, cwd=cwd, env=env, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def test_help_names_every_command_and_loads_none_of_them() -> None:
    program = (
        "import sys; from folkmoot.cli.commands import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit: print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.endswith("[]\n"), done.stdout + done.stderr
    for name in ("run", "resume", "runs", "serve", "db", "version"):
        assert f"\n  {name} " in done.stdout
