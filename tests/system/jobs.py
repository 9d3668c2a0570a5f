"""Team runs under way while processes are killed, and what must be true of them at the end."""

import asyncio
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import asyncpg

from folkmoot.kernel.json import JsonObject, loads
from tests.stubs.openai_stub import Reply, team_script

UNDER_WAY = 24
CALL_MS = 120
TERMINAL = {"completion", "failure", "cancelled"}

Asked = tuple[str, str]
"""Which job a call of the language model belongs to, and which key of its journal it is."""


class Door(Protocol):
    """The API, at some server; None where it is down."""

    async def get(self, path: str) -> JsonObject | None: ...

    async def post(self, path: str, body: JsonObject, **headers: str) -> JsonObject | None: ...


def asked_of(body: JsonObject) -> Asked:
    messages = body["messages"]
    assert isinstance(messages, list)
    text = str(messages[-1])
    job = re.search(r"job-\d+", text)
    assert job is not None, text
    wanted = body.get("response_format")
    if isinstance(wanted, dict):
        schema = wanted["json_schema"]
        assert isinstance(schema, dict)
        return job[0], {"plan": "plan.1", "verdict": "r1.review", "summary": "summary"}[str(schema["name"]).lower()]
    step = re.search(r"## Step\\n(s\d)", text)
    assert step is not None, text
    return job[0], f"r1.s.{step[1]}.m1"


class Calls:
    """The language model's side: what was asked, and when."""

    def __init__(self) -> None:
        self.asked: list[tuple[Asked, float]] = []

    def script(self, body: JsonObject) -> Reply:
        self.asked.append((asked_of(body), time.time()))
        return team_script(body)


class Jobs:
    """What was acknowledged: the run of each job, and the keys under which answers got lost."""

    def __init__(self, api: Door) -> None:
        self.api = api
        self.runs: dict[str, str] = {}
        self._made = 0
        self._unsure: list[tuple[str, str]] = []

    async def top_up(self, ended: int) -> None:
        """Start runs until 24 are under way; what was cut off is asked again with the same key."""
        while len(self.runs) - ended < UNDER_WAY:
            if not self._unsure:
                self._made += 1
                job = f"job-{self._made}"
                task = await self.api.post("/api/tasks", {"name": job, "description": f"Do {job}"})
                if task is None:
                    return
                self._unsure.append((job, str(task["id"])))
            job, task_id = self._unsure[-1]
            run = await self.api.post("/api/runs", {"task_id": task_id}, **{"Idempotency-Key": job})
            if run is None:
                return
            self._unsure.pop()
            self.runs[job] = str(run["id"])

    async def all_end(self) -> None:
        for job, run_id in self.runs.items():
            async with asyncio.timeout(60):
                while (run := await self.api.get(f"/api/runs/{run_id}/wait?timeout=60")) is None:  # noqa: ASYNC110 a server that starts
                    await asyncio.sleep(0.1)
            assert run["status"] == "completed", (job, run)


async def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    """What the database holds at this moment, read as any other process could."""
    if url.startswith("sqlite:///"):
        connection = sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()
    server = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await server.fetch(statement)]
    finally:
        await server.close()


async def ended_runs(url: str) -> int:
    return int((await rows(url, "select count(*) from runs where completed_at is not null"))[0][0])


async def journalled(url: str) -> dict[Asked, float]:
    """The answers that are recorded, and since when."""
    statement = "select r.input, j.key, j.at from run_journal j join runs r on r.id = j.run_id where j.kind = 'done'"
    return {(_name(given), key): _seconds(at) for given, key, at in await rows(url, statement)}


def _name(given: str) -> str:
    read = loads(given)
    assert isinstance(read, dict)
    return str(read["name"])


def _seconds(at: datetime | str) -> float:
    if isinstance(at, str):
        at = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return at.timestamp()


async def check_calls(url: str, calls: Calls) -> None:
    """What the journal holds was given by the model, and never asked of it again."""
    known = await journalled(url)
    assert known.keys() <= {asked for asked, _ in calls.asked}, "an answer was journalled that nobody gave"
    assert [asked for asked, at in calls.asked if asked in known and at > known[asked]] == []


async def check_history(url: str, acknowledged: Sequence[str]) -> None:
    """Nothing is lost, nothing is doubled, and the log tells each run's story to its one end."""
    runs = {row[0] for row in await rows(url, "select id from runs")}
    events = await rows(url, "select seq, run_id, run_seq, type from events order by seq")
    keys = await rows(url, "select run_id, key from run_journal where kind = 'done'")
    slots = await rows(url, "select live from run_slots")
    assert set(acknowledged) <= runs
    assert len(runs) == len(acknowledged), "one idempotency key is one run, also when the answer was lost"
    assert [event[0] for event in events] == list(range(1, len(events) + 1))
    assert max(Counter(keys).values()) == 1
    assert slots == [(0,)]
    for run_id in runs:
        own = [(run_seq, kind) for _, run, run_seq, kind in events if run == run_id and run_seq is not None]
        assert [run_seq for run_seq, _ in own] == list(range(1, len(own) + 1))
        assert [kind for _, kind in own if kind in TERMINAL] == [own[-1][1]]
