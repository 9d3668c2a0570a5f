"""The processes of a bench: one API and its workers, started here, watched from outside, ended whatever happens."""

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from folkmoot.accounts.kept import ADMIN_TOKEN_FILE, find_kept
from folkmoot.cli.crew import STOP_SECONDS, DidNotStart
from folkmoot.cli.process import Signals
from folkmoot.kernel.settings import Settings, environment_with, names_of, reveal

START_SECONDS = 30.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class Installation:
    """What a bench measures: an API process, workers, and a folder of their own."""

    def __init__(self, settings: Settings, url: str | None) -> None:
        # Made with mode 0700, so nobody else reads its keys.
        self.folder = Path(tempfile.mkdtemp(prefix="folkmoot-bench-"))
        self.url = url or f"sqlite:///{self.folder / 'folkmoot.db'}"
        self.address = ""
        self.pids: dict[str, list[int]] = {"api": [], "workers": []}
        self._environment = _environment(settings, self.url, self.folder)
        self._processes: list[asyncio.subprocess.Process] = []

    @property
    def token(self) -> str | None:
        return find_kept(self.folder / ADMIN_TOKEN_FILE)

    async def start(self, workers: int) -> None:
        """The API first, which makes the tables; without workers it works on runs itself. Raises DidNotStart."""
        await self._start("api", "serve", "--port", "0", *(("--no-worker",) if workers else ()))
        await asyncio.gather(*(self._start("workers", "worker") for _ in range(workers)))

    async def _start(self, part: str, *command: str) -> None:
        log = self.folder / f"{len(self._processes)}.log"
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "folkmoot.cli.scale_child", *command),
                cwd=self.folder,
                env=self._environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # a Ctrl-C is for the bench, which ends them
            )
        self._processes.append(process)
        self.pids[part].append(process.pid)
        said = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                said = await _banner(process)
        if b"\n  model" not in said:
            told = log.read_text(errors="replace").strip().splitlines()
            raise DidNotStart(f"folkmoot {command[0]} did not start: {told[-1] if told else 'it says nothing'}")
        if part == "api":
            self.address = _ADDRESS.findall(said.decode())[0]

    async def end(self) -> None:
        alive = [process for process in self._processes if process.returncode is None]
        for process in alive:
            with suppress(ProcessLookupError):
                process.terminate()
        if alive:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await asyncio.gather(*(process.wait() for process in alive))
        self.kill()
        await asyncio.gather(*(process.wait() for process in self._processes))

    def kill(self) -> None:
        """At once, and what was kept in the folder goes too."""
        for process in self._processes:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@asynccontextmanager
async def installation(
    settings: Settings, url: str | None, workers: int, signals: Signals
) -> AsyncIterator[Installation]:
    """Started. Raises DidNotStart."""
    made = Installation(settings, url)
    signals.at_once.append(made.kill)
    try:
        await made.start(workers)
        yield made
    finally:
        await made.end()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far; 0 where it is gone, or nobody tells."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _banner(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    said = b""
    while b"\n  model" not in said and (line := await process.stdout.readline()):
        said += line
    return said


def _environment(settings: Settings, url: str, folder: Path) -> dict[str, str]:
    """The user's, with the settings that decide on speed; everything else is as after a fresh installation."""
    none = {name: "" for key, field in Settings.model_fields.items() for name in names_of(key, field)}
    given = {
        "AUTH": "required",
        "DATABASE_URL": url,
        "DATA_DIR": str(folder),
        "DB_POOL_SIZE": str(settings.db_pool_size),
        "DB_STATEMENT_TIMEOUT_SECONDS": str(settings.db_statement_timeout_seconds),
        "DEFAULT_MODEL": "practice",
        "LOG_LEVEL": "WARNING",
        "REDIS_URL": reveal(settings.redis_url) or "",
        "WORKSPACE_MAX_LIVE_RUNS": str(settings.workspace_max_live_runs),
    }
    return environment_with(**{**none, **given})
