"""MCP over a process's standard streams: a command of the operator's, its own process group, ended with this one."""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from folkmoot.kernel.json import Json, JsonObject, dumps, loads
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.tools.mcp.talk import McpFailed, greeting, message, reply_to, result_of, version_of

ANSWER_SECONDS: Final = 60.0
"""Of one request, a tool's work included."""

_LINE_BYTES = 4_000_000
_GRACE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Program:
    """A command of the operator's, and all of the environment that it gets."""

    name: str
    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


class StdioSession:
    """Made by `open_stdio`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[JsonObject]] = {}
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        return not self._is_closed and self._process.returncode is None

    async def read(self) -> None:
        """Until the process says nothing more; who still waits for an answer learns that none comes."""
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                await self._take(line)
        except (ValueError, ConnectionError):  # a line past all bounds
            self._kill(signal.SIGKILL)
        finally:
            self._is_closed = True
            for waiting in self._asked.values():
                if not waiting.done():
                    waiting.set_exception(McpFailed("The MCP server's process has ended"))

    async def request(self, method: str, params: JsonObject) -> JsonObject:
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            await self._write(message(method, params, number))
            async with asyncio.timeout(ANSWER_SECONDS):
                return result_of(await answer)
        except (TimeoutError, asyncio.CancelledError) as cut:
            with suppress(McpFailed):
                await self._write(message("notifications/cancelled", {"requestId": number}))
            if isinstance(cut, asyncio.CancelledError):
                raise
            raise McpFailed(f"The MCP server did not answer within {ANSWER_SECONDS:g} seconds") from None
        finally:
            del self._asked[number]
            answer.cancel()

    async def notify(self, method: str, params: JsonObject) -> None:
        await self._write(message(method, params))

    async def aclose(self) -> None:
        """End the process and all that it has started: asked first, killed a moment later."""
        self._is_closed = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._kill(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                await self._process.wait()
        self._kill(signal.SIGKILL)
        await self._process.wait()

    def _kill(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def _write(self, body: JsonObject) -> None:
        """Raises McpFailed."""
        assert self._process.stdin is not None
        if not self.is_open:
            raise McpFailed("The MCP server's process has ended")
        try:
            self._process.stdin.write(dumps(body).encode() + b"\n")
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError):
            raise McpFailed("The MCP server's process has ended") from None

    async def _take(self, line: bytes) -> None:
        """An answer goes to who waits for it; what is no message of the protocol is passed over."""
        try:
            got: Json = loads(line)
        except ValueError:
            return
        if not isinstance(got, dict):
            return
        if (reply := reply_to(got)) is not None:
            with suppress(McpFailed):
                await self._write(reply)
            return
        number = got.get("id")
        waiting = self._asked.get(number) if isinstance(number, int) and "method" not in got else None
        if waiting is not None and not waiting.done():
            waiting.set_result(got)


async def open_stdio(program: Program, supervisor: Supervisor) -> StdioSession:
    """A process that was greeted. Raises McpFailed."""
    try:
        process = await asyncio.create_subprocess_exec(
            program.command,
            *program.args,
            env=program.env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise McpFailed(f"The command of the MCP server {program.name} cannot be started") from error
    session = StdioSession(process)
    supervisor.start(session.read(), f"read from the MCP server {program.name}")
    try:
        version_of(await session.request("initialize", greeting()))
        await session.notify("notifications/initialized", {})
    except BaseException:
        await session.aclose()
        raise
    return session
