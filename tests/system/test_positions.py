"""kill -9 at every position of a team run's journal: the run ends as the unbroken one, and asks nothing twice."""

import asyncio
import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject, loads
from folkmoot.runs.journal import Entry
from folkmoot.runs.timeline import differences
from tests.stubs.openai_stub import OpenAIStub, Reply, team_script, tool_script
from tests.system.jobs import rows
from tests.system.server import Api, Server, server
from tests.teams.play import plan

CALL_MS = 30
LENGTH = 8
"""Entries of the unbroken run's journal; the last answer is appended together with the run's end."""

MOST_TRIES = 10
PATIENCE_SECONDS = 20


class Asked:
    """The language model's side: which keys of the one live run's journal were asked for, in order."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def script(self, body: JsonObject) -> Reply:
        """A plan of one step, which looks something up."""
        wanted, messages = json.dumps(body.get("response_format")).lower(), body["messages"]
        assert isinstance(messages, list)
        named = {"plan": "plan.1", "verdict": "r1.review", "summary": "summary"}
        key = next((key for name, key in named.items() if f'"name": "{name}"' in wanted), None)
        uses = sum(isinstance(message, dict) and message.get("role") == "tool" for message in messages)
        self.keys.append(key or f"r1.s.s1.m{uses + 1}")
        if key == "plan.1":
            return Reply(text=json.dumps(plan(("s1", ()), complexity="S")))
        return team_script(body) if key else tool_script(body)


class Journals:
    """The journals in a server's database, read beside it."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def read(self, run_id: str) -> list[Entry]:
        told = f"select seq, kind, key, data from run_journal where run_id = '{run_id}' order by seq"
        return [Entry(seq, now(), kind, key, _object(data)) for seq, kind, key, data in await rows(self._url, told)]

    async def kill_at(self, pid: int, run_id: str, position: int) -> None:
        """As soon as the journal has so many entries."""
        length = await (self._on_postgres if self._url.startswith("postgresql") else self._on_sqlite)(run_id, position)
        os.kill(pid, signal.SIGKILL)
        assert length >= position, "the run stands still"

    async def _on_sqlite(self, run_id: str, position: int) -> int:
        return await asyncio.to_thread(self._look, run_id, position)

    def _look(self, run_id: str, position: int) -> int:
        path = self._url.removeprefix("sqlite:///")
        deadline, length = time.monotonic() + PATIENCE_SECONDS, 0
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as connection:
            while length < position and time.monotonic() < deadline:
                (length,) = connection.execute("select journal_seq from runs where id = ?", (run_id,)).fetchone()
        return length

    async def _on_postgres(self, run_id: str, position: int) -> int:
        deadline, length = time.monotonic() + PATIENCE_SECONDS, 0
        connection = await asyncpg.connect(self._url)
        try:
            while length < position and time.monotonic() < deadline:
                length = await connection.fetchval("select journal_seq from runs where id = $1", run_id)
        finally:
            await connection.close()
        return length


def _object(given: str | JsonObject) -> JsonObject:
    found = loads(given) if isinstance(given, str) else given
    assert isinstance(found, dict)
    return found


class Town:
    """One server after the other on one database, and runs of one task in it."""

    def __init__(self, served: Server, api: Api, journals: Journals) -> None:
        self.served, self.api, self.journals = served, api, journals
        self.task = ""

    async def settle(self) -> None:
        new: JsonObject = {"title": "crashes.md", "text": "A crash costs nothing. " * 20}
        document = await self.api.post("/api/knowledge/documents?wait=30", new)
        assert document is not None
        config: JsonObject = {"documents": [document["id"]]}
        task = await self.api.post("/api/tasks", {"description": "Say what a crash costs", "config": config})
        assert task is not None
        self.task = str(task["id"])

    async def start(self) -> str:
        run = await self.api.post("/api/runs", {"task_id": self.task})
        assert run is not None
        return str(run["id"])

    async def end(self, run_id: str) -> list[Entry]:
        run = await self.api.get(f"/api/runs/{run_id}/wait?timeout=60")
        assert run is not None
        assert run["status"] == "completed", run
        return await self.journals.read(run_id)


@pytest.mark.parametrize("position", range(1, LENGTH - 1))
async def test_every_position(tmp_path: Path, own_database_url: str, position: int) -> None:
    asked = Asked()
    settings = {"DEFAULT_MODEL": "openai:stub-1", "DATABASE_URL": own_database_url}
    async with (
        OpenAIStub(asked.script, delay_ms=CALL_MS, keep_calls=False) as stub,
        server(tmp_path, OPENAI_BASE_URL=stub.base_url, **settings) as served,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=90)) as http,
    ):
        town = Town(served, Api(served, http), Journals(own_database_url))
        await town.settle()
        expected = await town.end(await town.start())
        assert asked.keys == [entry.key for entry in expected if entry.kind == "done" and ".t" not in entry.key]
        assert len(expected) == LENGTH
        tries = 0
        while await killed(town, asked, position, expected) != position:
            tries += 1
            assert tries < MOST_TRIES, "this position is passed too quickly to be met"
        assert "Traceback" not in served.log()


async def killed(town: Town, asked: Asked, position: int, expected: list[Entry]) -> int:
    """Kill the server when a run's journal is that long or a little longer; answers how long it was."""
    asked.keys.clear()
    run_id = await town.start()
    await town.journals.kill_at(town.served.pid, run_id, position)
    await town.served.kill()
    left, before = await town.journals.read(run_id), [*asked.keys]
    await town.served.start()
    entries = await town.end(run_id)
    assert differences(expected, entries) == []
    after = asked.keys[len(before) :]
    known = {entry.key for entry in left if entry.kind == "done"}
    assert known.isdisjoint(after), "what the journal held was asked again"
    assert len(after) == len(set(after))
    assert [key for key in before if key in after] in ([], before[-1:]), "only what was in flight is asked again"
    done = [entry.key for entry in entries if entry.kind == "done"]
    assert len(done) == len(set(done))
    return left[-1].seq
