"""An installation of many processes: servers and workers over one PostgreSQL database."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from folkmoot.kernel.json import JsonObject
from tests.system.jobs import Door
from tests.system.server import Api, Server

SECRET = "a secret that all processes of an installation share"


class Fleet:
    """`everyone` are its processes, servers first; one that was killed is started again in its place."""

    def __init__(self, folder: Path, url: str, settings: dict[str, str]) -> None:
        self._folder = folder
        self._settings = {"DATABASE_URL": url, "SECRET_KEY": SECRET, **settings}
        self._made = 0
        self.servers: list[Server] = []
        self.workers: list[Server] = []

    @property
    def everyone(self) -> list[Server]:
        return [*self.servers, *self.workers]

    def make(self, *command: str) -> Server:
        self._made += 1
        folder = self._folder / f"process-{self._made}"
        folder.mkdir()
        return Server(folder, *command, **self._settings)

    async def add_server(self, *options: str) -> Server:
        made = self.make("serve", "--port", "0", *options)
        await made.start()
        self.servers.append(made)
        return made

    async def add_worker(self, *options: str) -> Server:
        made = self.make("worker", *options)
        await made.start()
        self.workers.append(made)
        return made

    def log(self) -> str:
        return "".join(process.log() for process in self.everyone)


@asynccontextmanager
async def fleet(
    folder: Path, url: str, servers: Sequence[Sequence[str]], workers: Sequence[Sequence[str]], **settings: str
) -> AsyncIterator[Fleet]:
    """So many processes as there are lists of options, the first of which makes the database what it should be."""
    ships = Fleet(folder, url, settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_end, ships)
        first, *others = servers
        await ships.add_server(*first)
        async with asyncio.TaskGroup() as starting:
            for options in others:
                starting.create_task(ships.add_server(*options))
            for options in workers:
                starting.create_task(ships.add_worker(*options))
        yield ships


async def _end(ships: Fleet) -> None:
    for process in ships.everyone:
        await process.kill()
        process.close()


class AnyServer:
    """The API as a load balancer offers it."""

    def __init__(self, ships: Fleet, http: aiohttp.ClientSession, chance: random.Random) -> None:
        self._ships, self._http, self._chance = ships, http, chance

    async def get(self, path: str) -> JsonObject | None:
        return await self._one().get(path)

    async def post(self, path: str, body: JsonObject, **headers: str) -> JsonObject | None:
        return await self._one().post(path, body, **headers)

    def _one(self) -> Door:
        return Api(self._chance.choice(self._ships.servers), self._http)
