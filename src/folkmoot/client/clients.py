"""The two clients: the same operations, answered or awaited."""

from pathlib import Path
from types import TracebackType
from typing import Self

from folkmoot.client.following import events, follow_run
from folkmoot.client.operations import Operations
from folkmoot.client.session import Session, headers_of
from folkmoot.client.talking import stream_message
from folkmoot.client.transport import AsyncTransport, BlockingTransport
from folkmoot.client.verbs import Awaiting, Blocking, Following, Verb
from folkmoot.client.waiting import wait_for_run


class Everything(Operations):
    """Every operation of the API by its name, and what takes more than one call."""

    events = Following(events)
    follow_run = Following(follow_run)
    stream_message = Following(stream_message)
    wait_for_run = Verb(wait_for_run)


class Folkmoot(Everything, Blocking):
    """A client for code without an event loop; its calls may be made in several threads at once.

    `api_key` is an API key, an access token or the admin token; `workspace` an id or slug, by default the caller's
    own default workspace; `socket` the path of a unix domain socket to reach the server through.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        workspace: str | None = None,
        socket: Path | None = None,
    ) -> None:
        self._transport = BlockingTransport(base_url, socket)
        super().__init__(Session(self._transport, headers_of(api_key, workspace)))

    def close(self) -> None:
        """Also ends the streams that are being followed, at the latest when they would say something."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


class AsyncFolkmoot(Everything, Awaiting):
    """A client for code in an event loop of asyncio; takes what `Folkmoot` takes."""

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        workspace: str | None = None,
        socket: Path | None = None,
    ) -> None:
        self._transport = AsyncTransport(base_url, socket)
        super().__init__(Session(self._transport, headers_of(api_key, workspace)))

    async def close(self) -> None:
        """Also ends the streams that are being followed."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.close()
