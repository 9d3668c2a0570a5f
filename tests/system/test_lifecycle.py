"""kill -9 in every phase of an agent's life, then true statuses; and 10,000 agents with a million messages, listed."""

import asyncio
from pathlib import Path
from statistics import median
from time import perf_counter

import aiohttp
import pytest

from folkmoot.agents.hosting import INTERRUPTED
from folkmoot.db.database import Database
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from tests.agents.crowd import crowd
from tests.agents.office import Office, open_office
from tests.conftest import EACH_DATABASE
from tests.system.server import Api, Server, server, until

AGENTS, MESSAGES_EACH = 10_000, 100

# Its hooks say in files that they were entered, and hang where a file tells them to.
MODULE = """
import asyncio
from pathlib import Path

from folkmoot.agents.base import BaseAgent

FOLDER = Path({folder!r})


async def play(hook):
    with (FOLDER / "called").open("a") as file:
        file.write(hook + chr(10))
    if (FOLDER / "hang").read_text() == hook:
        await asyncio.Event().wait()


class Phased(BaseAgent):
    async def initialize(self):
        await play("initialize")

    async def activate(self):
        await play("activate")

    async def deactivate(self):
        await play("deactivate")

    async def shutdown(self):
        await play("shutdown")


def load_agents(registry):
    registry.register(Phased, "phased", "Hangs where it is told to")
"""


class Stage:
    """A server whose class of agents hangs in the hook that `hang` names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "phased.py").write_text(MODULE.format(folder=str(folder)))
        self.hang("")
        (folder / "called").touch()

    @property
    def settings(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.folder), "AGENT_REGISTRY_MODULES": "phased", "DEFAULT_MODEL": "practice"}

    def hang(self, hook: str) -> None:
        (self.folder / "hang").write_text(hook)

    def called(self) -> list[str]:
        return (self.folder / "called").read_text().split()


async def _get(api: Api, path: str) -> JsonObject:
    found = await api.get(path)
    assert found is not None
    return found


async def _kill_in(stage: Stage, served: Server, api: Api, path: str, body: JsonObject, hook: str) -> None:
    """Call, and kill the process as soon as it is in the hook."""
    stage.hang(hook)
    before = len(stage.called())
    call = asyncio.ensure_future(api.post(path, body))
    await until(lambda: hook in stage.called()[before:])
    await served.kill()
    assert await call is None
    stage.hang("")


async def _becomes(api: Api, ref: str, status: str) -> JsonObject:
    async with asyncio.timeout(10):
        # Another process sets no event of ours.
        while (found := await _get(api, f"/api/agents/{ref}/status"))["status"] != status:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


@pytest.fixture(params=EACH_DATABASE)
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of a database of the test's own."""
    if request.param == "sqlite":
        return {}
    return {"DATABASE_URL": str(request.getfixturevalue("own_postgres_url"))}


async def test_kill_in_every_phase(tmp_path: Path, database: dict[str, str]) -> None:
    stage = Stage(tmp_path)
    async with (
        server(tmp_path, **stage.settings, **database) as served,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http,
    ):
        api = Api(served, http)
        new: JsonObject = {"definition_slug": "phased", "name": "Phased"}
        for number, hook in enumerate(("initialize", "activate"), 4):
            await _kill_in(stage, served, api, "/api/agents", new, hook)
            await served.start()
            stuck = await _get(api, f"/api/agents/{number}/status")
            assert (stuck["status"], stuck["last_error"]) == ("error", INTERRUPTED)
            assert await api.post(f"/api/agents/{number}/shutdown", {}) is not None

        made = await api.post("/api/agents", new)
        assert made is not None
        path = f"/api/agents/{made['number']}"
        for hook in ("deactivate", "shutdown"):
            await _kill_in(stage, served, api, f"{path}/{hook}", {}, hook)
            seen = len(stage.called())
            await served.start()
            assert (await _get(api, f"{path}/status"))["status"] in ("initializing", "active")
            await _becomes(api, str(made["number"]), "active")
            assert stage.called()[seen:] == ["initialize", "activate"], "it works again, and not only by its row"

        await served.kill()
        stage.hang("initialize")
        seen = len(stage.called())
        await served.start()
        await until(lambda: stage.called()[seen:] == ["initialize"])
        assert (await _get(api, f"{path}/status"))["status"] == "initializing"
        await served.kill()
        await served.start()
        assert (await _get(api, f"{path}/status"))["status"] == "error", "what may have ended it is not tried again"
        assert stage.called()[seen:] == ["initialize"]

        stage.hang("")
        assert await api.post(f"{path}/activate", {}) is not None
        assert await api.post(f"{path}/deactivate", {}) is not None
        await served.kill()
        await served.start()
        assert (await _get(api, f"{path}/status"))["status"] == "idle"


async def test_a_stop_in_good_order_shuts_down_and_a_start_takes_up_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    async with server(tmp_path, **stage.settings) as served, aiohttp.ClientSession() as http:
        api = Api(served, http)
        assert await api.post("/api/agents", {"definition_slug": "phased"}) is not None
        assert await served.terminate() == 0
        assert stage.called() == ["initialize", "activate", "shutdown"]
        await served.start()
        await _becomes(api, "4", "active")
        assert stage.called()[3:] == ["initialize", "activate"]


async def test_a_module_that_fails_stops_the_start_with_its_name(tmp_path: Path) -> None:
    served = Server(tmp_path, AGENT_REGISTRY_MODULES="nowhere.agents")
    try:
        with pytest.raises(AssertionError, match="it did not start"):
            await served.start()
    finally:
        await served.kill()
        served.close()
    last = (tmp_path / "server.log").read_text().strip().splitlines()[-1]
    assert "AGENT_REGISTRY_MODULES: nowhere.agents" in last


async def test_a_crowd_is_listed_as_fast_as_a_handful(db: Database, scope: Scope) -> None:
    async with open_office(db, scope) as office:
        await crowd(db, scope, 50)
        handful = await _seconds(office, "?limit=50")
        await crowd(db, scope, AGENTS, MESSAGES_EACH, first=54)
        first, last = await _seconds(office, "?limit=50"), await _seconds(office, f"?limit=50&skip={AGENTS}")
        page = await office.get(f"/api/agents?limit=50&skip={AGENTS}")
    listed = page["agents"]
    assert isinstance(listed, list)
    assert (page["total"], len(listed)) == (AGENTS + 50, 50)
    assert max(first, last) < handful + 0.05, (handful, first, last)


async def _seconds(office: Office, query: str) -> float:
    """Of a page, as the median of twenty."""
    took: list[float] = []
    for _ in range(20):
        began = perf_counter()
        await office.get(f"/api/agents{query}")
        took.append(perf_counter() - began)
    return median(took)
