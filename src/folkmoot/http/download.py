"""Files that are made while they are sent: a reader can tell a whole one from one that was cut."""

import logging
import re
from collections.abc import AsyncGenerator
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from folkmoot.http.race import gone, race
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.supervisor import Supervisor

_UNSAFE = re.compile(r"[^A-Za-z0-9_. -]")
_log = logging.getLogger(__name__)


def attachment(name: str) -> dict[str, str]:
    """Headers of a download: saved under the name's last part (RFC 6266), and never a page that runs in here."""
    plain = name.replace("\\", "/").rpartition("/")[2].lstrip(". ") or "download"
    disposition = f"attachment; filename=\"{_UNSAFE.sub('_', plain)}\"; filename*=UTF-8''{quote(plain, safe='')}"
    return {
        "Content-Disposition": disposition,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    }


class Download(Response):
    """Sends the parts as they come, until the last of them or until nobody reads.

    A Problem ahead of the first part is answered as ever; after it the answer is left without its end, so that the
    server cuts the connection.
    """

    def __init__(self, parts: AsyncGenerator[bytes, None], name: str, media_type: str, supervisor: Supervisor) -> None:
        disposition = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        super().__init__(media_type=media_type, headers=disposition)
        del self.headers["content-length"]
        self._parts = parts
        self._supervisor = supervisor
        self._has_begun = False
        self._problem: Problem | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await race(self._supervisor, self._pump(send), gone(receive))
        finally:
            await self._parts.aclose()
        if self._problem is None:
            await self._begin(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif self._has_begun:
            _log.warning("a download was cut: %s", self._problem.detail)
        else:
            raise self._problem

    async def _pump(self, send: Send) -> None:
        try:
            async for part in self._parts:
                await self._begin(send)
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except Problem as problem:  # kept, not raised on: a task that raises is logged as a bug
            self._problem = problem

    async def _begin(self, send: Send) -> None:
        if not self._has_begun:
            self._has_begun = True
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
