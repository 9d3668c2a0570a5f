"""The keys that models are asked with are nowhere: not in an answer, a row, an event, a log or a file, whatever a
provider does with them."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient
from pydantic import SecretStr

from folkmoot.kernel.json import JsonObject
from tests.house.operations import ENDLESS
from tests.house.places import dump
from tests.serving import client_of, running, settings_for
from tests.stubs.openai_stub import OpenAIStub, Reply, team_script

# What is looked for is in the middle: a key of which only the beginning is shown is not hidden.
MARKS = ("c0ffee5eed", "deadbea7ed")
SERVERS, OWN = (f"sk-canary-{mark}-0123456789abcdef-{mark}" for mark in MARKS)


def sse(*events: JsonObject) -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


FAULTS: dict[str, Callable[[str], Reply]] = {
    "bad_request": lambda key: Reply(status=400, text=f"Unknown header Authorization: Bearer {key}"),
    "refused": lambda key: Reply(status=401, text=f"Incorrect API key provided: {key}."),
    "masked": lambda key: Reply(status=403, text=f"{key[:24]}****** may not do that"),
    "not_found": lambda key: Reply(status=404, text=f"No model for {{'key': '{key}'}}", code=key),
    "no_quota": lambda key: Reply(status=429, text=f"No money: {key}", code="insufficient_quota"),
    "failed": lambda key: Reply(status=500, text=f"Traceback: headers={{'Authorization': 'Bearer {key}'}}"),
    "page": lambda key: Reply(status=502, raw=f"<html>{key}</html>".encode()),
    "no_json": lambda key: Reply(raw=key.encode()),
    "in_stream": lambda key: Reply(raw=sse({"error": {"message": f"bad {key}", "code": 401}})),
    "cut": lambda key: Reply(text=f"Half of it is {key} and", finish=None),
    "truncated": lambda key: Reply(text=f"Your key {key} and", finish="length"),
    "reset": lambda key: Reply(text=f"{key} {key} {key}", breaks="reset"),
    "odd_end": lambda key: Reply(text=key, finish=key),
    "echo": lambda key: Reply(text=f"You sent Authorization: Bearer {key}, so {key}{key}"),
    "tool": lambda key: Reply(calls=((key, json.dumps({"query": key})), ("search", f'{{"{key}')), finish="tool_calls"),
}


@dataclass
class House:
    """The application, and whatever it has answered so far."""

    app: FastAPI
    client: AsyncClient
    stub: OpenAIStub
    heard: list[str] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: JsonObject | None = None, workspace: str = "") -> JsonObject:
        headers = {"X-Workspace-Id": workspace} if workspace else {}
        answer = await self.client.request(method, path, json=body, headers=headers, timeout=60)
        assert answer.status_code != 500, answer.text
        self.heard.append(f"{answer.headers} {answer.text}")
        is_json = answer.headers.get("content-type", "").endswith("json")
        return dict(answer.json()) if is_json and answer.content else {}


def script(stub: list[OpenAIStub]) -> Callable[[JsonObject], Reply]:
    """The fault that is named anywhere in the conversation, with the key that the call came with."""

    def reply(body: JsonObject) -> Reply:
        key = stub[0].headers[-1]["Authorization"].removeprefix("Bearer ")
        named = re.search(r"do:(\w+)", json.dumps(body["messages"]))
        return FAULTS[named[1]](key) if named else team_script(body)

    return reply


@asynccontextmanager
async def house_of(database_url: str, folder: Path) -> AsyncIterator[House]:
    stubs: list[OpenAIStub] = []
    async with OpenAIStub(script(stubs)) as stub:
        stubs.append(stub)
        settings = settings_for(database_url, folder).model_copy(
            update={
                "default_model": "openai:stub-1",
                "openai_api_key": SecretStr(SERVERS),
                "openai_base_url": stub.base_url,
            }
        )
        async with running(settings) as app, client_of(app) as client:
            yield House(app, client, stub)


async def live(house: House, workspace: str) -> None:
    """Everything that asks a model, with every fault, watched and unwatched; then a look at all there is to see."""
    agent = await house.ask("POST", "/api/agents", {"definition_slug": "assistant", "config": {}}, workspace)
    path = f"/api/agents/{agent['id']}/message"
    talks = [
        house.ask("POST", path, {"message": f"do:{name}", "conversation_id": "new", "stream": stream}, workspace)
        for name in FAULTS
        for stream in (False, True)
    ]
    await asyncio.gather(*talks, *(team_run(house, workspace, name) for name in FAULTS))
    ids = {"workspace_id": [workspace], "agent_id": [str(agent["id"])]}
    for name, resource in (("run_id", "runs"), ("task_id", "tasks"), ("conversation_id", "conversations")):
        page = await house.ask("GET", f"/api/{resource}?limit=200", workspace=workspace)
        found = page[resource]
        assert isinstance(found, list)
        ids[name] = [str(item["id"]) for item in found if isinstance(item, dict)]
    replies = await house.ask("GET", "/api/runs?limit=200&kind=reply", workspace=workspace)
    assert isinstance(replies["runs"], list)
    ids["run_id"] += [str(run["id"]) for run in replies["runs"] if isinstance(run, dict)]
    assert len(ids["run_id"]) == 3 * len(FAULTS)
    for seen in sights(house.app, ids):
        await house.ask("GET", f"{seen}?limit=200", workspace=workspace)


async def team_run(house: House, workspace: str, fault: str) -> None:
    task = await house.ask("POST", "/api/tasks", {"description": f"Summarise do:{fault}"}, workspace)
    await house.ask("POST", "/api/runs?wait=60", {"task_id": task["id"]}, workspace)


def sights(app: FastAPI, ids: dict[str, list[str]]) -> Iterator[str]:
    """The path of everything that can be got, of those things whose ids are known."""
    for path, methods in app.openapi()["paths"].items():
        names = re.findall(r"{(\w+)}", path)
        if "get" in methods and methods["get"]["operationId"] not in ENDLESS and set(names) <= ids.keys():
            for values in product(*(ids[name] for name in names)):
                yield path.format_map(dict(zip(names, values, strict=True)))


def contents(folder: Path) -> list[bytes]:
    """Of every file: on SQLite the database is among them."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


@pytest.mark.system
async def test_the_keys_are_nowhere(own_database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with house_of(own_database_url, tmp_path) as house:
        mine = str((await house.ask("POST", "/api/workspaces", {"name": "Mine"}))["id"])
        other = str((await house.ask("POST", "/api/workspaces", {"name": "Other"}))["id"])
        await house.ask("PUT", f"/api/workspaces/{mine}/secrets/openai_api_key", {"value": OWN})
        await asyncio.gather(live(house, mine), live(house, other))
        used = {headers["Authorization"] for headers in house.stub.headers}
        assert used == {f"Bearer {SERVERS}", f"Bearer {OWN}"}
        for path in ("/metrics", "/health/status", "/openapi.json"):
            await house.ask("GET", path)
        heard, rows = "\n".join(house.heard), await dump(house.app.state.runtime.db)
        assert "[hidden]" in heard
        assert "[hidden]" in str(rows["messages"])
    logged = "\n".join(logging.Formatter().format(record) for record in caplog.records)
    files = contents(tmp_path)
    for mark in MARKS:
        assert mark not in heard
        assert [name for name, found in rows.items() if mark in "\n".join(found)] == []
        assert mark not in logged
        assert not [1 for content in files if mark.encode() in content]
