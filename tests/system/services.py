"""PostgreSQL, PgBouncer and Redis of a test's own, to be stopped and started again."""

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa

_PLACES = ("/usr/lib/postgresql", "/usr/local/pgsql")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


async def call(*command: str | Path, folder: Path | None = None) -> None:
    """Run it to its end. Its output goes nowhere: a server that it leaves behind would hold a pipe open."""
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdin=nowhere, stdout=nowhere, stderr=nowhere, cwd=folder)
    assert await process.wait() == 0, f"{command} failed"


def postgres_folder() -> Path:
    """Where initdb and pg_ctl are; without them the test is skipped."""
    for place in map(Path, _PLACES):
        for found in (*sorted(place.glob("*/bin"), reverse=True), place / "bin"):
            if (found / "initdb").exists():
                return found
    found_on_path = shutil.which("initdb")
    if found_on_path is None:
        pytest.skip("PostgreSQL's own programs are not installed")
    return Path(found_on_path).parent


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def as_postgres(*command: str | Path) -> tuple[str | Path, ...]:
    """PostgreSQL and PgBouncer refuse to run as root."""
    return ("runuser", "-u", "postgres", "--", *command) if os.getuid() == 0 else command


class Cluster:
    """A PostgreSQL server in a folder that belongs to whoever runs it."""

    def __init__(self, folder: Path, programs: Path, port: int) -> None:
        self.folder = folder
        self._programs = programs
        self._port = port

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    @property
    def port(self) -> int:
        return self._port

    async def start(self) -> None:
        how = f"-p {self._port} -k {self.folder} -c listen_addresses=127.0.0.1,127.0.0.2 -c fsync=off"
        await self._do("-w", "-l", self.folder / "log", "-o", how, "start")

    async def stop(self, mode: str = "immediate") -> None:
        await self._do("-m", mode, "-w", "stop")

    def own(self, name: str) -> None:
        """A file of its folder becomes the server's, and nobody else's."""
        (self.folder / name).chmod(0o600)
        if os.getuid() == 0:
            shutil.chown(self.folder / name, "postgres")

    async def say(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url())
        await connection.execute(statement)
        await connection.close()

    async def _do(self, *words: str | Path) -> None:
        control = self._programs / "pg_ctl"
        await call(*as_postgres(control, "-D", self.folder / "data", *words), folder=self.folder)


@contextmanager
def own_folder() -> Iterator[Path]:
    """Of user postgres where the tests are root's; pytest's own folders are shut to others."""
    made = Path(tempfile.mkdtemp(prefix="folkmoot-"))
    if os.getuid() == 0:
        shutil.chown(made, "postgres")
    try:
        yield made
    finally:
        shutil.rmtree(made)


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    programs = postgres_folder()
    with own_folder() as place:
        initdb = (programs / "initdb", "-D", place / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        await call(*as_postgres(*initdb), folder=place)
        made = Cluster(place, programs, free_port())
        await made.start()
        try:
            yield made
        finally:
            with suppress(AssertionError):  # which a test that failed may have stopped
                await made.stop()


class Redis:
    """A Redis server that keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    async def start(self) -> None:
        command = (program("redis-server"), "--bind", "127.0.0.1", "--port", str(self._port), "--save", "")
        self._process = await asyncio.create_subprocess_exec(
            *command, "--appendonly", "no", cwd=self._folder, stdout=asyncio.subprocess.DEVNULL
        )

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def flush(self) -> None:
        """Forget everything, once it listens."""
        await _listens(self._port)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"flushall\r\n")
        assert await reader.readline() == b"+OK\r\n"
        writer.close()


@asynccontextmanager
async def bouncer(server_url: str) -> AsyncIterator[str]:
    """PgBouncer in transaction mode in front of the server, with two connections; its URL."""
    url, port = sa.make_url(server_url), free_port()
    with own_folder() as place:
        config = place / "pgbouncer.ini"
        config.write_text(
            f"[databases]\n* = host={url.host} port={url.port} user={url.username}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = 2\nlogfile = {place / 'log'}\n"
        )
        nowhere = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *as_postgres(program("pgbouncer"), "-q", config), cwd=place, stdout=nowhere, stderr=nowhere
        )
        try:
            await _listens(port)
            yield url.set(port=port).render_as_string(hide_password=False)
        finally:
            process.terminate()
            await process.wait()


async def _listens(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)
