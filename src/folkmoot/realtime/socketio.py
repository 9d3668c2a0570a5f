"""Socket.IO at /socket.io: another way to say and hear what the API says, for clients of that protocol.

Its library is loaded when the first client comes. It carries packets; order, bounds and who may hear what are ours.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from importlib import import_module
from urllib.parse import parse_qs

from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message, Receive, Scope, Send

from folkmoot.accounts.authentication import Accounts
from folkmoot.accounts.deps import caller_of
from folkmoot.accounts.rules import Caller
from folkmoot.http.local import check_page
from folkmoot.http.render import answer
from folkmoot.kernel import json
from folkmoot.kernel.errors import BadRequest, Problem
from folkmoot.realtime.closing import Close
from folkmoot.realtime.socketio_client import Ground
from folkmoot.realtime.socketio_messages import Messages
from folkmoot.realtime.socketio_reception import Engine, Reception
from folkmoot.realtime.socketio_session import Packets, Session
from folkmoot.runtime import Runtime

PATH = "/socket.io"
PING_SECONDS, PONG_SECONDS = 25.0, 20.0

_CLOSE_SECONDS = 0.25

_of_library = logging.getLogger(f"{__name__}.library")
_of_library.setLevel(logging.CRITICAL)  # what it has to say is about what clients do, and can be said by anybody


class UnknownSession(BadRequest):
    """There is no such session, or not any more"""

    hint = "Connect again"


class NotSocketIO(BadRequest):
    """The request is none of Socket.IO's"""


class Strict:
    """JSON for the library: what cannot be read is a ValueError, however it is wrong."""

    @staticmethod
    def dumps(value: object, **_: object) -> str:
        return json.dumps(value)

    @staticmethod
    def loads(text: str | bytes, **_: object) -> json.Json:
        return json.loads(text)


class SocketIO:
    """The endpoint: an ASGI application of its own, inside the layers of ours."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._opening = asyncio.Lock()
        self._opened: tuple[Engine, Reception] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        engine, reception = await self._open()
        try:
            session = self._session(scope, reception)
        except Problem as problem:
            await answer(HTTPConnection(scope), problem)(scope, receive, send)
            return
        scope["state"]["socketio"] = session
        if scope["type"] == "websocket":
            await _socket(engine, session, scope, receive, send)
        else:
            await _poll(engine, session, scope, receive, send)

    def _session(self, scope: Scope, reception: Reception) -> Session:
        """Raises OriginRefused, NotSocketIO, UnknownSession."""
        caller = caller_of(HTTPConnection(scope))
        accounts: Accounts = self._app.state.accounts
        if scope["type"] == "http":
            check_page(dict(scope["headers"]), accounts.settings.origins)
        query = parse_qs(str(scope["query_string"], "latin-1"))
        if "j" in query or query.get("EIO", ["4"]) != ["4"]:
            raise NotSocketIO
        id = query.get("sid", [""])[0]
        if not id:
            ground = reception.ground
            return Session(caller, self._app.state.socket_rules, ground.supervisor, ground.packets)
        session = reception.sessions.get(id)
        if session is None or session.close is not None or not _is_same(session.caller, caller):
            raise UnknownSession
        return session

    async def _open(self) -> tuple[Engine, Reception]:
        if self._opened is None:
            async with self._opening:
                if self._opened is None:
                    self._opened = await self._load()
        return self._opened

    async def _load(self) -> tuple[Engine, Reception]:
        """In a thread, because it takes a third of a second."""
        library = await asyncio.to_thread(import_module, "socketio")
        packet = await asyncio.to_thread(import_module, "engineio.packet")
        runtime: Runtime = self._app.state.runtime

        def packets(text: str) -> object:
            made: object = packet.Packet(packet.MESSAGE, text)
            return made

        server = library.AsyncServer(
            async_mode="asgi",
            async_handlers=False,
            cors_allowed_origins=[],  # the layers around it see to that
            http_compression=False,
            json=Strict,
            logger=_of_library,
            engineio_logger=_of_library,
            max_http_buffer_size=self._app.state.socket_rules.message_bytes,
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
        )
        refused = library.exceptions.ConnectionRefusedError
        reception = Reception(self._app, _ground(self._app, runtime, packets), refused)
        reception.attend(server.eio, server.on, packet.Packet(packet.NOOP))
        runtime.supervisor.start(self._until_stopped(server.shutdown), "Socket.IO")
        return server.eio, reception

    async def _until_stopped(self, shutdown: Callable[[], Awaitable[None]]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self._opened = None
            await shutdown()


def add_socketio(app: FastAPI) -> None:
    endpoint = SocketIO(app)
    app.router.routes.append(Route(PATH, endpoint, include_in_schema=False))
    app.router.routes.append(WebSocketRoute(PATH, endpoint))


def _ground(app: FastAPI, runtime: Runtime, packets: Packets) -> Ground:
    return Ground(
        db=runtime.db,
        hub=runtime.hub,
        supervisor=runtime.supervisor,
        engine=app.state.engine,
        lookup=app.state.workspaces,
        stays=app.state.stays,
        places=app.state.places,
        company=app.state.company,
        messages=Messages(runtime.db, packets),
        packets=packets,
    )


def _is_same(one: Caller, other: Caller) -> bool:
    return (one.actor.id, one.credential, one.credential_id) == (other.actor.id, other.credential, other.credential_id)


async def _socket(engine: Engine, session: Session, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await engine.handle_request(scope, session.receiving(receive), session.sending(send))
    except asyncio.CancelledError:
        if session.close is None:
            raise
    except OSError:  # gone in the middle of a frame
        await session.cut(Close.DONE)
    close = session.close or Close.DONE
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await send({"type": "websocket.close", "code": close.code, "reason": close.reason})
    except (TimeoutError, OSError, RuntimeError):  # it does not even take that
        return


async def _poll(engine: Engine, session: Session, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["method"] == "POST":
        body = (await receive()).get("body", b"")
        refused = session.intake.of_body(body)
        if refused is not None:
            session.finish(refused)
            await answer(HTTPConnection(scope), NotSocketIO(refused.reason))(scope, receive, send)
            return
        receive = _again(body, receive)
    await engine.handle_request(scope, receive, session.sending(send))


def _again(body: bytes, receive: Receive) -> Receive:
    """The request anew, whose body was looked at."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
