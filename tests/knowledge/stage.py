"""A process's worth of engine that takes documents in, with the library in front of it, as in the composition root."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from folkmoot.db.database import Database
from folkmoot.engine.local import LocalDispatcher
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.knowledge.library import Kept, Library, Upload
from folkmoot.knowledge.schemas import NewDocument
from folkmoot.knowledge.search import Search
from folkmoot.knowledge.workflow import IngestExecutor
from folkmoot.llm.embeddings import Embedder
from folkmoot.runs.engine import RunEngine
from tests.knowledge.embedder import StubEmbedder

NO_MODEL = StubEmbedder(None)


@dataclass(frozen=True)
class Stage:
    engine: RunEngine
    library: Library

    async def add(self, scope: Scope, given: NewDocument | Upload) -> Kept:
        """When its run, if there is one, has ended."""
        return await self.library.add(scope, given, 20)


@asynccontextmanager
async def stage(db: Database, embedder: Embedder = NO_MODEL) -> AsyncIterator[Stage]:
    supervisor = Supervisor()
    engine = RunEngine(db, LocalDispatcher(supervisor), supervisor, new_id())
    search = Search(db, embedder)
    engine.register(IngestExecutor(db, search, embedder))
    await engine.dispatcher.start(engine.work, engine.executors)
    yield Stage(engine, Library(engine, search))
    await engine.stop(0)
    await supervisor.stop()
