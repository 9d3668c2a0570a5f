"""The terminal's HTTP client: JSON in and out, server-sent events, and every fault as a Problem."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp

from folkmoot.cli.problems import ConnectionLost, Refused, document, refused
from folkmoot.kernel.json import JsonObject, dumps, loads

PAGE = 200
_JSON = {"Content-Type": "application/json"}
_LONGEST_WAIT = aiohttp.ClientTimeout(total=330, sock_connect=5)
# A server says something every 15 seconds, if only a comment; three of them missing means that it is gone.
_STREAM = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=50)
_LONGEST_LINE = 4 * 1024 * 1024
_TRIES = 40
_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 0.1, 2.0


class Frame(NamedTuple):
    """One server-sent event. `id` is null for what is shown once and never kept."""

    id: str | None
    data: JsonObject


class Form(NamedTuple):
    """A file that is sent, and the fields that go with it."""

    file: Path
    fields: Sequence[tuple[str, str]] = ()

    def data(self) -> aiohttp.FormData:
        """Raises OSError where the file cannot be read."""
        form = aiohttp.FormData()
        for name, value in self.fields:
            form.add_field(name, value)
        form.add_field("file", self.file.open("rb"), filename=self.file.name, content_type="application/octet-stream")
        return form


class Place(NamedTuple):
    """Where a server is and how it lets one in; it may be reached through a unix domain socket only."""

    address: str
    token: str | None = None
    socket: Path | None = None


class Client:
    """Calls of the API. Raises Refused for an answer that is not a 2xx, ConnectionLost where there is none."""

    def __init__(self, session: aiohttp.ClientSession, place: Place, headers: dict[str, str] | None = None) -> None:
        self.place = place
        self._session = session
        self._headers = headers or {}

    def within(self, workspace: dict[str, str]) -> "Client":
        """This client, saying in each call's headers which workspace the call is about."""
        return Client(self._session, self.place, workspace)

    async def get(self, path: str, **query: str | int) -> JsonObject:
        return await self._call("GET", path, query=query)

    async def post(self, path: str, body: JsonObject | Form | None = None, key: str | None = None) -> JsonObject:
        """`key` is the Idempotency-Key: the same call may be made again when its answer was lost.

        While what was sent before under the key is being carried out, it waits and asks again, for about a minute.
        """
        headers = {"Idempotency-Key": key} if key else {}
        tries = 0
        while True:
            try:
                return await self._call("POST", path, body=body, headers=headers)
            except Refused as problem:
                if document(problem).get("code") != "key_in_use" or tries == _TRIES:
                    raise
            await asyncio.sleep(delay_seconds(tries))
            tries += 1

    async def put(self, path: str, body: JsonObject) -> JsonObject:
        return await self._call("PUT", path, body=body)

    async def patch(self, path: str, body: JsonObject) -> JsonObject:
        return await self._call("PATCH", path, body=body)

    async def delete(self, path: str) -> None:
        await self._call("DELETE", path)

    async def pages(self, path: str, resource: str) -> AsyncIterator[JsonObject]:
        """The items of a list, however many pages it has."""
        skip = 0
        while True:
            page = await self.get(path, skip=skip, limit=PAGE)
            items = page.get(resource)
            found = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
            for item in found:
                yield item
            if len(found) < PAGE:
                return
            skip += PAGE

    async def log(self, run_id: str, after: int) -> AsyncIterator[JsonObject]:
        """The lines of a run's log behind the line `after`; each has its `seq`."""
        while True:
            page = await self.get(f"/api/runs/{run_id}/logs", after=after, limit=PAGE)
            lines, following = page.get("logs"), page.get("next")
            found = [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
            for line in found:
                yield line
            if len(found) < PAGE or not isinstance(following, int):
                return
            after = following

    async def body(self, path: str) -> bytes:
        """A body that is not JSON, such as an artifact's."""
        with _translated():
            async with self._session.get(path, headers=self._headers, timeout=_LONGEST_WAIT) as answer:
                raw = await answer.read()
                if not answer.ok:
                    raise refused(answer.status, _object(raw))
                return raw

    async def stream(self, path: str, after: str | None = None) -> AsyncGenerator[Frame, None]:
        """Server-sent events from behind `after`, until the server ends the stream."""
        headers = self._headers | {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        with _translated():
            async with self._session.get(path, headers=headers, timeout=_STREAM) as answer:
                if not answer.ok:
                    raise refused(answer.status, _object(await answer.read()))
                async for frame in _frames(answer.content):
                    yield frame

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str | int] | None = None,
        body: JsonObject | Form | None = None,
        headers: dict[str, str] | None = None,
    ) -> JsonObject:
        is_json = isinstance(body, dict)
        data = body.data() if isinstance(body, Form) else dumps(body).encode() if is_json else None
        sent = self._headers | (headers or {}) | (_JSON if is_json else {})
        with _translated():
            async with self._session.request(
                method, path, params=query, data=data, headers=sent, timeout=_LONGEST_WAIT
            ) as answer:
                raw = await answer.read()
                if not answer.ok:
                    raise refused(answer.status, _object(raw))
                return _object(raw)


@asynccontextmanager
async def client_at(address: str, token: str | None = None) -> AsyncIterator[Client]:
    """A client of the server at an address such as http://127.0.0.1:8000, with a token to be let in by."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(address, headers=headers, read_bufsize=_LONGEST_LINE) as session:
        yield Client(session, Place(address, token))


@asynccontextmanager
async def client_on(socket: Path) -> AsyncIterator[Client]:
    """A client of the server on a unix domain socket."""
    connector = aiohttp.UnixConnector(str(socket))
    async with aiohttp.ClientSession("http://localhost", connector=connector, read_bufsize=_LONGEST_LINE) as session:
        yield Client(session, Place("http://localhost", socket=socket))


def delay_seconds(tries: int) -> float:
    """Before a call is made again that was made so many times in vain."""
    return min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0 ** min(tries, 10))


@contextmanager
def _translated() -> Iterator[None]:
    """The one place where the client's errors become ours."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        raise ConnectionLost from error


async def _frames(content: aiohttp.StreamReader) -> AsyncIterator[Frame]:
    """Event blocks as the SSE standard has them; comments and blocks without JSON are passed over.

    Raises Refused for an event `problem`, which is how an answer fails that has begun.
    """
    identity, event, lines = None, "", list[str]()
    async for raw in content:
        line = raw.decode(errors="replace").rstrip("\r\n")
        name, _, value = line.partition(":")
        match name:
            case "id":
                identity = value.strip() or None
            case "event":
                event = value.strip()
            case "data":
                lines.append(value.removeprefix(" "))
            case "" if not line and lines:
                data = _object("\n".join(lines).encode())
                if event == "problem":
                    raise refused(_status(data), data)
                if data:
                    yield Frame(identity, data)
                identity, event, lines = None, "", []


def _object(raw: bytes) -> JsonObject:
    try:
        value = loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {"value": value}


def _status(document: JsonObject) -> int:
    status = document.get("status")
    return status if isinstance(status, int) else 500
