"""Who comes to Socket.IO: sessions as they open and close, clients as they connect, and what these ask for."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from fastapi import FastAPI
from pydantic import BaseModel, ValidationError
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from folkmoot.accounts.authentication import Accounts, NotAuthenticated
from folkmoot.agents.service import AgentsDisabled
from folkmoot.http.render import InternalError
from folkmoot.kernel.errors import Invalid, Problem, Unavailable
from folkmoot.kernel.json import JsonObject
from folkmoot.realtime.closing import Close
from folkmoot.realtime.socketio_channels import Subscriptions
from folkmoot.realtime.socketio_client import Client, Ground
from folkmoot.realtime.socketio_protocol import error_of, one_line, refusal
from folkmoot.realtime.socketio_session import EngineSocket, Session
from folkmoot.realtime.socketio_verbs import VERBS, Verb
from folkmoot.workspaces.deps import SelectorsDisagree, here

PATIENCE_SECONDS = 10.0
"""How long a session may take to connect, and a message to be taken, which keeps the client's heartbeats waiting."""

Handler = Callable[..., Awaitable[object]]

_log = logging.getLogger(__name__)


class NotTaken(Unavailable):
    """The message could not be taken in time"""


class Engine(Protocol):
    """What is used of engine.io's server."""

    handlers: dict[str, Handler]
    sockets: Mapping[str, EngineSocket]

    def on(self, event: str, handler: Handler) -> None: ...

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> object: ...


class Reception:
    """All sessions and clients of the process. `refused` is the library's refusal of a client."""

    def __init__(self, app: FastAPI, ground: Ground, refused: type[Exception]) -> None:
        self.ground = ground
        self.sessions: dict[str, Session] = {}
        self._app = app
        self._refused = refused
        self._clients: dict[str, tuple[Client, Subscriptions]] = {}

    def attend(self, engine: Engine, on: Callable[..., object], nothing: object) -> None:
        """Hear of sessions before the library does, and from it what connected clients say."""
        connect, message, disconnect = (engine.handlers[name] for name in ("connect", "message", "disconnect"))
        accounts: Accounts = self._app.state.accounts

        async def opened(id: str, environ: Mapping[str, Scope]) -> object:
            session: Session = environ["asgi.scope"]["state"]["socketio"]
            session.opened(id, engine.sockets[id])
            self.sessions[id], accounts.sockets[id] = session, session.caller
            self._expect(session)
            return await connect(id, environ)

        async def said(id: str, data: object) -> None:
            session = self.sessions[id]
            try:
                await message(id, data)
            except ValueError:  # the library cannot read it
                session.finish(Close.BAD_FRAME)

        async def closed(id: str, reason: str) -> None:
            session = self.sessions.pop(id, None)
            accounts.sockets.pop(id, None)
            if session is not None:
                session.over(Close.DONE)
                await session.put(nothing)  # answers a poll that waits
                self.ground.supervisor.start(session.cut(Close.DONE), "end of a Socket.IO session")
            await disconnect(id, reason)

        engine.on("connect", opened)
        engine.on("message", said)
        engine.on("disconnect", closed)
        on("connect", self._connect)
        on("disconnect", self._leave)
        for name, (form, verb) in VERBS.items():
            on(name, self._handler(form, verb))
        on("*", self._unknown)

    def _expect(self, session: Session) -> None:
        self.ground.supervisor.start(_connected(session), "Socket.IO handshake")

    async def _connect(self, id: str, environ: Mapping[str, Scope], auth: object = None) -> None:
        """Raises the library's refusal, which the client sees with error, hint and code."""
        scope = environ["asgi.scope"]
        session: Session = scope["state"]["socketio"]
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                client = await self._client(session, scope, auth)
        except TimeoutError:
            raise self._refusal(NotTaken()) from None
        except Problem as problem:
            raise self._refusal(problem) from None
        except Exception as error:
            _log.exception("a Socket.IO client could not connect")
            raise self._refusal(InternalError()) from error
        session.is_connected.set()
        self._clients[id] = client, Subscriptions(client)
        client.begin()

    def _refusal(self, problem: Problem) -> Exception:
        return self._refused(problem.detail, refusal(problem))

    async def _client(self, session: Session, scope: Scope, auth: object) -> Client:
        """Raises NotAuthenticated, NoSuchWorkspace, SelectorsDisagree, RoleTooLow."""
        given = auth if isinstance(auth, dict) else {}
        caller, connection = session.caller, HTTPConnection(scope)
        if given.get("token"):
            accounts: Accounts = self._app.state.accounts
            address = None if connection.client is None else connection.client.host
            redeemed = await accounts.redeem(str(given["token"])[:4096], address)
            if redeemed is None:
                raise NotAuthenticated("The ticket is not good, or not any more")
            caller = scope["state"]["caller"] = redeemed
        found = await here(_selecting(connection, given.get("workspace_id")))
        return Client(ground=self.ground, session=session, caller=caller, scope=found)

    async def _leave(self, id: str, _reason: object = None) -> None:
        client, _ = self._clients.pop(id, (None, None))
        if client is not None:
            client.leave()
            if client.session.close is None:
                client.session.is_connected.clear()
                self._expect(client.session)

    def _handler(self, form: type[BaseModel], verb: Verb) -> Handler:
        async def handle(id: str, data: object = None, *_: object) -> JsonObject | None:
            if id not in self._clients:
                return None
            client, channels = self._clients[id]
            try:
                if not self._app.state.agent_settings.is_enabled:
                    raise AgentsDisabled
                return {"ok": True, **await _taken(verb(client, channels, _read(form, data)))}
            except Problem as problem:
                return await _refused(client, problem)

        return handle

    async def _unknown(self, _name: str, id: str, *_: object) -> JsonObject | None:
        problem = Invalid("There is no such event", hint=f"One of {', '.join(VERBS)}")
        return await _refused(self._clients[id][0], problem) if id in self._clients else None


async def _connected(session: Session) -> None:
    """Whoever opens a session is to connect: only then it is watched."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await session.is_connected.wait()
    except TimeoutError:
        session.finish(Close.TOO_SLOW)


def _read(form: type[BaseModel], data: object) -> BaseModel:
    """Raises Invalid."""
    try:
        return form.model_validate(data)
    except ValidationError as error:
        raise Invalid(one_line([*error.errors(include_input=False, include_url=False)])) from None


async def _taken(work: Awaitable[JsonObject]) -> JsonObject:
    """Raises what the verb refuses, NotTaken, and InternalError for a bug of ours, which ends no connection."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await work
    except TimeoutError:
        raise NotTaken from None
    except Problem:
        raise
    except Exception as error:
        _log.exception("a Socket.IO message could not be handled")
        raise InternalError from error


async def _refused(client: Client, problem: Problem) -> JsonObject:
    await client.session.emit("error", error_of(problem))
    return refusal(problem)


def _selecting(connection: HTTPConnection, workspace_id: object) -> HTTPConnection:
    """As if the handshake had named this workspace too. Raises SelectorsDisagree."""
    if not workspace_id:
        return connection
    named = str(workspace_id)[:255].lower()
    if connection.headers.get("x-workspace-id", named).lower() != named:
        raise SelectorsDisagree
    name = (b"x-workspace-id", named.encode("latin-1", "replace"))
    return HTTPConnection({**connection.scope, "headers": [*connection.scope["headers"], name]})
