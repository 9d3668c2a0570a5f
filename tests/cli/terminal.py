"""A terminal for tests: folkmoot in this process, or as a process that can be killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from folkmoot.cli import main

PROGRAM = (sys.executable, "-c", "from folkmoot.cli import main; main()")


class Printed(NamedTuple):
    code: int
    out: str
    err: str


class Terminal:
    """Commands typed one after the other in one folder, over data of their own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def type(self, *arguments: str) -> Printed:
        """Run a command in this process."""
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = self._capsys.readouterr()
        code = ended.value.code
        return Printed(code if isinstance(code, int) else 0, out, err)


def environment(folder: Path) -> dict[str, str]:
    """The environment of a process whose data is in a folder and whose model is the practice model."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
    return {**kept, "DATA_DIR": str(folder / "data"), "PYTHONUNBUFFERED": "1"}


@contextmanager
def process(folder: Path, *arguments: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own session, gone at the end whatever happened."""
    started = subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=folder,
        env={**environment(folder), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
        started.communicate(timeout=30)


def until(stream: Iterator[str] | None, word: str) -> str:
    """Read lines up to the one that holds the word; that line."""
    assert stream is not None
    seen = []
    for line in stream:
        seen.append(line)
        if word in line:
            return line
    raise AssertionError(f"{word!r} was never said: {seen}")
