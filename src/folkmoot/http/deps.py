"""What a route may ask for of the process: its database, its event hub, its clients."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from folkmoot.db.database import Database
from folkmoot.events.follow import EventHub
from folkmoot.llm.gateway import Gateway
from folkmoot.net.client import GuardedClient
from folkmoot.runtime import Runtime


async def runtime_of(connection: HTTPConnection) -> Runtime:
    runtime: Runtime = connection.app.state.runtime
    return runtime


async def _db(connection: HTTPConnection) -> Database:
    return (await runtime_of(connection)).db


async def _hub(connection: HTTPConnection) -> EventHub:
    return (await runtime_of(connection)).hub


async def _gateway(connection: HTTPConnection) -> Gateway:
    return (await runtime_of(connection)).gateway


async def _outgoing(connection: HTTPConnection) -> GuardedClient:
    client: GuardedClient = connection.app.state.outgoing
    return client


Db = Annotated[Database, Depends(_db)]
Events = Annotated[EventHub, Depends(_hub)]
Models = Annotated[Gateway, Depends(_gateway)]
Outgoing = Annotated[GuardedClient, Depends(_outgoing)]
Process = Annotated[Runtime, Depends(runtime_of)]
