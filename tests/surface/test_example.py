"""The example package runs as its README says."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.serving import client_of

pytestmark = pytest.mark.system  # a whole program from its file

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def example(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.chdir(tmp_path)
    environment = {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(tmp_path),
        "DEFAULT_MODEL": "practice",
        "AGENT_REGISTRY_MODULES": "custom_agents.agents",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    app = importlib.import_module("custom_agents.app").app
    assert isinstance(app, FastAPI)
    yield app
    for name in [name for name in sys.modules if name.partition(".")[0] == "custom_agents"]:
        del sys.modules[name]


async def test_the_example(example: FastAPI) -> None:
    async with example.router.lifespan_context(example), client_of(example) as client:
        new = {"definition_slug": "notekeeper", "name": "Nora", "config": {"topic": "boats"}}
        nora = (await client.post("/api/agents", json=new)).json()
        assert (nora["status"], nora["state"]) == ("active", {"topic": "boats", "activations": 1})
        notes = f"/notes/{nora['workspace_id']}/nora"
        assert (await client.post(notes, json={"hull": "oak"})).json() == {"version": 1}
        assert (await client.post(notes, json={"hull": "oak", "mast": "pine"})).json() == {"version": 2}
        assert (await client.get(notes, params={"version": 1})).json() == {"hull": "oak"}
        task_id = (await client.post(f"{notes}/count")).json()["task_id"]
        await example.state.engine.wait(await example.state.workspaces.find(), task_id, 20)
        assert (await client.get(f"/counts/{task_id}")).json()["result"] == 2
        assert (await client.get("/notes/nothing/nora")).status_code == 404
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert {"/notes/{workspace_id}/{agent_id}", "/counts/{task_id}", "/api/agents"} <= paths.keys()
