"""kill -9 while a background function is at work: its run ends interrupted, and nobody calls it again."""

from pathlib import Path

import aiohttp

from folkmoot.kernel.json import JsonObject
from tests.system.server import Api, Server, server, until

# A hook is where other software's code runs in a server; it says in a file that its function is at work.
MODULE = """
import asyncio
from pathlib import Path

from folkmoot import BaseAgent, get_task_runner

FOLDER = Path({folder!r})


async def forever(name):
    with (FOLDER / "called").open("a") as file:
        file.write(name + chr(10))
    await asyncio.Event().wait()


class Starter(BaseAgent):
    async def activate(self):
        if not (FOLDER / "called").exists():
            await get_task_runner().submit(forever(self.name), name="forever")


def load_agents(registry):
    registry.register(Starter, "starter", "Starts a function")
"""


async def test_a_killed_function_is_interrupted(tmp_path: Path) -> None:
    (tmp_path / "starting.py").write_text(MODULE.format(folder=str(tmp_path)))
    settings = {"PYTHONPATH": str(tmp_path), "AGENT_REGISTRY_MODULES": "starting", "DEFAULT_MODEL": "practice"}
    called = tmp_path / "called"
    async with server(tmp_path, **settings) as serving, aiohttp.ClientSession() as http:
        made = await Api(serving, http).post("/api/agents", {"definition_slug": "starter", "name": "Stan"})
        assert made is not None
        assert made["status"] == "active", made
        await until(lambda: called.exists() and called.read_text() == "Stan\n")
        assert (await function_run(serving, http))["status"] == "running"
        await serving.kill()
        await serving.start()
        run = await function_run(serving, http, wait=True)
        assert (run["status"], run["stop_reason"], run["error_code"]) == ("failed", "interrupted", "interrupted")
        assert called.read_text() == "Stan\n"


async def function_run(serving: Server, http: aiohttp.ClientSession, *, wait: bool = False) -> JsonObject:
    """The only one, once it has ended where that is waited for."""
    api = Api(serving, http)
    found = await api.get("/api/runs?kind=function")
    assert found is not None
    match found["runs"]:
        case [{"id": str(run_id)}]:
            pass
        case other:
            raise AssertionError(other)
    if wait:
        assert await api.get(f"/api/runs/{run_id}/wait") is not None
    run = await api.get(f"/api/runs/{run_id}")
    assert run is not None
    return run
