"""One furnished database, and copies of it in which everything has the same ids, on SQLite and on PostgreSQL."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from folkmoot.kernel.json import JsonObject
from tests.cli.terminal import process
from tests.databases import postgres_database
from tests.system.parlour import Parlour
from tests.system.server import Api, server

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A room, who is in it, what a person says there, and, where it can be told by hand, who speaks: `-` is he."""

    members: Mapping[str, JsonObject]
    lines: tuple[str, ...]
    given: JsonObject = field(default_factory=dict)
    speakers: str | None = None


Copies = Callable[[], AbstractContextManager[str]]
"""Makes a copy that is gone afterwards; gives its URL."""


@dataclass(frozen=True)
class Furnished:
    """A SQLite file in which the rooms of the scenes are, by the names of these; `agents` are names by ids."""

    path: Path
    rooms: Mapping[str, str]
    agents: Mapping[str, str]
    _numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def on_sqlite(self) -> Iterator[str]:
        copy = self.path.with_name(f"copy-{next(self._numbers)}.db")
        shutil.copyfile(self.path, copy)
        yield f"sqlite:///{copy}"
        for left in copy.parent.glob(f"{copy.name}*"):
            left.unlink()

    @contextmanager
    def on_postgres(self, place: str, template: str) -> Iterator[Copies]:
        """`folkmoot db copy` into a migrated database once, and copies of that."""
        with postgres_database(place, f"{template}_furnished", template) as url:
            with process(self.path.parent, "db", "copy", "--from", f"sqlite:///{self.path}", "--to", url) as copying:
                out, err = copying.communicate(timeout=120)
            assert copying.returncode == 0, (out, err)

            def copies() -> AbstractContextManager[str]:
                return postgres_database(place, f"{template}_copy{next(self._numbers)}", f"{template}_furnished")

            yield copies


def furnish(folder: Path, scenes: Mapping[str, Scene]) -> Furnished:
    """By a real server, as a client does it."""
    return at_once(_furnish(folder, scenes))


def at_once(work: Coroutine[Any, Any, R]) -> R:
    """For fixtures of a module: in a thread, because an event loop of the test may be at rest in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _furnish(folder: Path, scenes: Mapping[str, Scene]) -> Furnished:
    path = folder / "furnished.db"
    async with (
        server(folder, DATABASE_URL=f"sqlite:///{path}", DEFAULT_MODEL="practice") as served,
        aiohttp.ClientSession() as http,
    ):
        parlour = Parlour(Api(served, http))
        agents = await parlour.hire()
        rooms = {name: await parlour.open(name, scene.members, **scene.given) for name, scene in scenes.items()}
        assert await served.terminate() == 0
    return Furnished(path, rooms, {id: name for name, id in agents.items()})
