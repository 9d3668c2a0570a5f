"""An application whose model is a stub with a price, and a workspace of its own in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.db.database import Database
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.settings import ModelPrice, Settings
from tests.databases import new_scope
from tests.serving import client_of, running, settings_for
from tests.stubs.openai_stub import OpenAIStub, Reply, Script, team_script

MODEL = "openai:stub-1"
PRICE = ModelPrice.model_validate({"input": "1000", "output": "1000"})
"""A tenth of a cent for a token: an answer takes 1.50 USD, and what it can take at most is 4 to 7."""

ANSWER_USD = "1.5"


def dear(body: JsonObject) -> Reply:
    """A team's answers, of 1,500 tokens each."""
    return replace(team_script(body), usage={"prompt_tokens": 800, "completion_tokens": 700})


class Stage:
    """One workspace of the application, as its owner sees it."""

    def __init__(self, app: FastAPI, client: AsyncClient, scope: Scope, stub: OpenAIStub) -> None:
        self.app, self.scope, self.stub = app, scope, stub
        self.db: Database = app.state.runtime.db
        self._client = client
        self.headers = {"X-Workspace-Id": scope.workspace_id}

    async def ask(self, method: str, path: str, body: object = None, status: int = 200, **headers: str) -> Any:
        answer = await self._client.request(method, path, json=body, headers={**self.headers, **headers})
        assert answer.status_code == status, answer.text
        if answer.headers.get("content-type", "").startswith("text/csv"):
            return answer
        return answer.json() if answer.content else None

    async def budget(self, **given: object) -> Any:
        return await self.ask("POST", "/api/budgets", {"scope_kind": "workspace", **given}, 201)

    async def task(self, **given: object) -> Any:
        return await self.ask("POST", "/api/tasks", {"description": "Say what holds after a crash", **given}, 201)

    async def run(self, task: Any, wait: int = 20, **given: object) -> Any:
        return await self.ask("POST", f"/api/runs?wait={wait}", {"task_id": task["id"], **given}, 202)


def priced(settings: Settings, stub: OpenAIStub, price: ModelPrice | None = PRICE, **more: object) -> Settings:
    """With the stub as the only model; without a price it is on a loopback address, and free."""
    prices = {} if price is None else {MODEL: price}
    named = {"default_model": MODEL, "openai_base_url": stub.base_url, "model_prices": prices}
    return settings.model_copy(update={**named, **more})


@asynccontextmanager
async def staged(
    url: str, folder: Path, script: Script = dear, price: ModelPrice | None = PRICE, **more: object
) -> AsyncIterator[Stage]:
    async with OpenAIStub(script) as stub:
        settings = priced(settings_for(url, folder), stub, price, **more)
        async with running(settings) as app, client_of(app) as client:
            yield Stage(app, client, await app.state.runtime.db.write(new_scope), stub)
