"""`folkmoot chat` as a process: somebody who says lines and hears what is said, by pipes or at a terminal."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.cli.terminal import environment
from tests.cli.tube import screen_of

SECONDS = 40
FOLKMOOT = str(Path(sys.executable).with_name("folkmoot"))


class Chatter:
    """By pipes. `heard` are the lines of stdout, `noted` those of stderr."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.heard: list[str] = []
        self.noted: list[str] = []
        self._process = process
        self._news = asyncio.Event()

    async def listen(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        await asyncio.gather(
            self._gather(self._process.stdout, self.heard), self._gather(self._process.stderr, self.noted)
        )

    async def _gather(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        async for line in stream:
            lines.append(line.decode().rstrip("\n"))
            self._news.set()
        self._news.set()

    async def say(self, *lines: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        await self._process.stdin.drain()

    async def until(self, is_so: Callable[["Chatter"], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not is_so(self):
                assert not self._process.stdout or not self._process.stdout.at_eof(), self.noted
                self._news.clear()
                await self._news.wait()

    async def leave(self) -> int:
        """The end of stdin; the exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return await self.ended()

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    async def ended(self) -> int:
        async with asyncio.timeout(SECONDS):
            return await self._process.wait()


@asynccontextmanager
async def chatting(folder: Path, *arguments: str, **settings: str) -> AsyncIterator[Chatter]:
    process = await asyncio.create_subprocess_exec(
        *(FOLKMOOT, "chat", *arguments),
        cwd=folder,
        env={**environment(folder), **settings},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    chatter = Chatter(process)
    listening = asyncio.create_task(chatter.listen())
    try:
        yield chatter
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


class Sitter:
    """At a terminal of 60 by 16."""

    def __init__(self, hands: int, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._hands = hands
        self._written = b""
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(hands, self._read)

    def _read(self) -> None:
        self._written += os.read(self._hands, 65_536)
        self._news.set()

    @property
    def rows(self) -> list[str]:
        return screen_of(self._written.decode(errors="replace"))

    async def press(self, keys: str) -> None:
        os.write(self._hands, keys.encode())

    async def sees(self, is_so: Callable[[list[str]], bool]) -> list[str]:
        try:
            async with asyncio.timeout(SECONDS):
                while not is_so(self.rows):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(self.rows) from None
        return self.rows

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._hands)


@asynccontextmanager
async def sitting(folder: Path, *arguments: str, **settings: str) -> AsyncIterator[tuple[Sitter, int]]:
    """Who sits there, and the terminal itself."""
    hands, terminal = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(FOLKMOOT, "chat", *arguments),
        cwd=folder,
        env={**environment(folder), "TERM": "xterm", "COLUMNS": "60", "LINES": "16", **settings},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    sitter = Sitter(hands, process)
    try:
        yield sitter, terminal
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        sitter.close()
        os.close(hands)
        os.close(terminal)
