"""Agents list, read and keep the artifacts of their run, and of no other."""

from pathlib import Path

import pytest

from folkmoot.db.database import Database
from folkmoot.kernel.json import Json, loads
from folkmoot.kernel.scope import Scope
from folkmoot.runs.artifact_files import ArtifactFiles, Making, keep_artifact
from folkmoot.runs.tables import Run
from folkmoot.tools.artifacts import MOST_CHARACTERS, artifact_tools
from folkmoot.tools.registry import ToolContext, ToolRegistry
from tests.runs.scripted import Host

pytestmark = pytest.mark.system  # the whole room over HTTP, call by call


@pytest.fixture
def files(tmp_path: Path) -> ArtifactFiles:
    return ArtifactFiles(tmp_path / "artifacts", 3_000_000)


@pytest.fixture
async def run(db: Database, scope: Scope) -> Run:
    return await Host(db).run(scope, ["a"])


class Tools:
    def __init__(self, db: Database, scope: Scope, files: ArtifactFiles, run_id: str | None) -> None:
        self.registry = ToolRegistry(artifact_tools(files))
        self.context = ToolContext(scope=scope, db=db, run_id=run_id)

    async def use(self, tool: str, /, **arguments: Json) -> str:
        answer = await self.registry.use(self.context, tool, arguments)
        return f"error: {answer['text']}" if answer["is_error"] else str(answer["text"])


async def test_keeping_listing_and_reading(db: Database, scope: Scope, run: Run, files: ArtifactFiles) -> None:
    tools = Tools(db, scope, files, run.id)
    kept = loads(await tools.use("write_artifact", name="a.md", text="One"))
    assert kept == {"name": "a.md", "version": 1, "size": 3}
    await tools.use("write_artifact", name="a.md", text="Twö")
    await tools.use("write_artifact", name="a.md", text="Twö")
    listed = await tools.use("list_artifacts")
    assert '"version":1,"media_type":"text/markdown","size":3}' in listed
    assert '"version":2,"media_type":"text/markdown","size":4}],"is_cut":false}' in listed
    first = loads(await tools.use("read_artifact", name="a.md", version=1))
    assert first == {"name": "a.md", "version": 1, "text": "One", "total_characters": 3}
    assert '"text":"Twö"' in await tools.use("read_artifact", name="a.md")


async def test_a_large_one_is_read_in_pieces(db: Database, scope: Scope, run: Run, files: ArtifactFiles) -> None:
    tools = Tools(db, scope, files, run.id)
    await keep_artifact(db, files, scope, run.id, Making(name="large", content=b"x" * 2_000_000 + b"end"))
    told = loads(await tools.use("read_artifact", name="large", start=2_000_000))
    assert told == {"name": "large", "version": 1, "text": "end", "total_characters": 2_000_003}
    assert len(await tools.use("read_artifact", name="large")) < MOST_CHARACTERS + 200


async def test_what_cannot_be_done(db: Database, scope: Scope, run: Run, files: ArtifactFiles) -> None:
    tools = Tools(db, scope, files, run.id)
    await keep_artifact(db, files, scope, run.id, Making(name="raw", content=b"\xff", media_type="image/png"))
    assert await tools.use("read_artifact", name="raw") == "error: The artifact is image/png, not text"
    assert await tools.use("read_artifact", name="none") == "error: Artifact not found"
    assert (await tools.use("write_artifact", name="a\n", text="")).startswith("error: An artifact's name")
    assert await Tools(db, scope, files, None).use("list_artifacts") == "error: Only a run has artifacts"
