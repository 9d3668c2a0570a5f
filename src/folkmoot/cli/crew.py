"""A crew: several server processes behind one port. Each is an ordinary one; who starts them only watches."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic

from folkmoot.kernel.errors import Unavailable
from folkmoot.kernel.supervisor import Supervisor

STOP_SECONDS = 20.0
"""How long the processes may take to end after they were asked to."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 10.0
_SETTLED_SECONDS = 30.0
"""Who lived so long did not die of its start: another one begins soon again."""

_log = logging.getLogger(__name__)


class DidNotStart(Unavailable):
    """A server process ended before it answered"""


class Member:
    """One server process and its line: who starts it hears there that it serves, and it hears that who did is gone."""

    def __init__(self, listening: socket.socket, options: Sequence[str]) -> None:
        self._listening = listening
        self._options = options
        self._process: asyncio.subprocess.Process | None = None
        self._line: asyncio.StreamWriter | None = None

    async def start(self) -> str:
        """Answers once it serves, with what it said on its line. Raises DidNotStart."""
        ours, its = socket.socketpair()
        reader, self._line = await asyncio.open_connection(sock=ours)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "folkmoot", *self._options),
                *("--inherited", f"{self._listening.fileno()},{its.fileno()}"),
                pass_fds=(self._listening.fileno(), its.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C is for who started it to pass on
            )
        except OSError as error:
            self._line.close()
            raise DidNotStart(f"A server process cannot be started: {error.strerror}") from error
        finally:
            its.close()
        said = await reader.readline()
        if not said:
            raise DidNotStart(f"A server process ended before it answered, with code {await self.ended()}")
        return said.decode().rstrip("\n")

    async def ended(self) -> int:
        """Wait for its end; the exit code, or less than 0 where a signal ended it."""
        assert self._process is not None, "started before"
        code = await self._process.wait()
        if self._line is not None:
            self._line.close()
        return code

    def send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.returncode is None


class Crew:
    """So many server processes on one listening socket; one that dies is replaced."""

    def __init__(self, listening: socket.socket, options: Sequence[str], size: int) -> None:
        self._members = [Member(listening, options) for _ in range(size)]
        self._supervisor = Supervisor()

    async def start(self) -> str:
        """The first alone, so that what hinders all is told once. Answers what it said. Raises DidNotStart."""
        said = await self._members[0].start()
        starts = [self._supervisor.start(member.start(), "start a process") for member in self._members[1:]]
        await asyncio.gather(*starts)
        return said

    async def watch(self) -> None:
        """Replace those that end, until this is cancelled."""
        await asyncio.gather(*(self._supervisor.start(self._keep(one), "watch a process") for one in self._members))

    async def _keep(self, member: Member) -> None:
        pause, began = _FIRST_PAUSE_SECONDS, monotonic()
        while True:
            code = await member.ended()
            if monotonic() - began > _SETTLED_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            _log.warning("a server process ended with code %d; another one starts in %.1f s", code, pause)
            await asyncio.sleep(pause)
            pause, began = min(2 * pause, _LONGEST_PAUSE_SECONDS), monotonic()
            try:
                await member.start()
                _log.info("another server process serves in its place")
            except DidNotStart as problem:
                _log.warning("%s", problem.detail)

    async def stop(self) -> int:
        """Ask all to end and wait; 0 where each of them ended well."""
        await self._supervisor.stop()
        alive = [member for member in self._members if member.is_alive]
        for member in alive:
            member.send(signal.SIGTERM)
        ends = [self._supervisor.start(member.ended(), "end a process") for member in alive]
        if ends:
            _, late = await asyncio.wait(ends, timeout=STOP_SECONDS)
            if late:
                self.kill()
        codes = await asyncio.gather(*ends)
        return 0 if not any(codes) else 1

    def kill(self) -> None:
        for member in self._members:
            member.send(signal.SIGKILL)


class Line:
    """The other end, in a server process."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        line.setblocking(False)

    def serves(self, said: str) -> None:
        self._line.sendall(f"{said}\n".encode())

    @contextmanager
    def watched(self) -> Iterator[None]:
        """End well, as after SIGTERM, when who started this process is gone."""
        loop = asyncio.get_running_loop()

        def gone() -> None:
            loop.remove_reader(self._line)
            os.kill(os.getpid(), signal.SIGTERM)

        loop.add_reader(self._line, gone)
        try:
            yield
        finally:
            loop.remove_reader(self._line)
            self._line.close()


def inherited(numbers: str) -> tuple[socket.socket, Line]:
    """The listening socket and the line of a server process, by their numbers. Raises ValueError, OSError."""
    listening, line = map(int, numbers.split(","))
    return socket.socket(fileno=listening), Line(socket.socket(fileno=line))


async def serve_together(crew: Crew, told: Callable[[str], None]) -> None:
    """Until cancelled; `told` is called once all serve. Raises DidNotStart."""
    told(await crew.start())
    await crew.watch()
