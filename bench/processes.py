"""Processes under measurement: they listen on loopback, are watched from outside and end whatever happens."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_START_SECONDS = 30.0
_END_SECONDS = 15.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
_SETTINGS = re.compile(r"(OPENAI|GOOGLE|OLLAMA|DEFAULT_MODEL|DATA|DB_|POSTGRES_|API_|AGENT|LOG_LEVEL|DEBUG).*")


class DidNotStart(Exception):
    """A process under measurement did not say its address."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A process that listens on 127.0.0.1; figures of it are read from /proc."""

    pid: int
    port: int
    start_seconds: float

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far."""
        return cpu_seconds(self.pid)

    def resident_mb(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None, "a process that runs has memory"
        return int(found[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def process(command: Sequence[str], settings: Mapping[str, str] | None = None) -> Iterator[Watched]:
    """Start it in a folder of its own, wait until it prints its address, end it. Raises DidNotStart."""
    with TemporaryDirectory(prefix="bench-") as folder:
        log = Path(folder, "log")
        with log.open("wb") as out:
            started_at = time.monotonic()
            started = subprocess.Popen(
                command, cwd=folder, env=environment(settings), stdout=out, stderr=out, stdin=subprocess.DEVNULL
            )
            try:
                port = _port(started, log)
                yield Watched(started.pid, port, time.monotonic() - started_at)
            finally:
                _end(started)


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, without what would configure the product, with the clone importable, and with `settings`."""
    kept = {name: value for name, value in os.environ.items() if not _SETTINGS.fullmatch(name)}
    clone = str(Path(__file__).resolve().parent.parent)
    return {**kept, "PYTHONPATH": clone, "PYTHONUNBUFFERED": "1", "LOG_LEVEL": "WARNING", **(settings or {})}


def module(name: str, *args: str) -> list[str]:
    return [sys.executable, "-m", name, *args]


def folkmoot(*args: str) -> list[str]:
    """The product's own command, of this environment."""
    return [str(Path(sys.executable).with_name("folkmoot")), *args]


def _port(started: subprocess.Popen[bytes], log: Path) -> int:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        said = log.read_text(errors="replace")
        if found := _ADDRESS.search(said):
            return int(found[1])
        if started.poll() is not None:
            break
        time.sleep(0.005)
    raise DidNotStart(f"{started.args!r} said no address:\n{log.read_text(errors='replace')[-2000:]}")


def _end(started: subprocess.Popen[bytes]) -> None:
    started.terminate()
    try:
        started.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()
