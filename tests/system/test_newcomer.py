"""A newcomer registers, logs in, opens a room with two agents, is answered with a source, and has it debated."""

import asyncio
import re
from pathlib import Path
from typing import Any

import aiohttp

from folkmoot.kernel.json import JsonObject
from tests.realtime.listener import LEFT_OPEN, collected
from tests.stubs.openai_stub import MODEL, OpenAIStub
from tests.stubs.stub import Reply
from tests.system.office import PASSWORD
from tests.system.server import Server, server

__all__ = ["collected"]

pytestmark = LEFT_OPEN

DOCUMENT = "# Repairs\n\nThe north bridge of Lindholm is closed on Sundays from six to nine in the morning.\n"
_PASSAGE = re.compile(r'<passage id="([^"]+)"')


class Librarian(OpenAIStub):
    """Cites the passage that it was sent; says the second half of its answer once it may."""

    def __init__(self) -> None:
        super().__init__(self._cited, chunks=8)
        self.goes_on.clear()

    def _cited(self, body: JsonObject) -> Reply:
        found = _PASSAGE.search(str(body["messages"]))
        return Reply(text=f"The north bridge is closed on Sundays from six to nine [{found[1] if found else 'none'}].")


class Browser:
    """Keeps the cookies, as a newcomer's does, and shows its page's origin."""

    def __init__(self, http: aiohttp.ClientSession, address: str) -> None:
        self._http = http
        self.address = address
        self._origin = {"Origin": address}

    async def ask(self, method: str, path: str, body: JsonObject | aiohttp.FormData | None = None) -> Any:
        sent: Any = {"data": body} if isinstance(body, aiohttp.FormData) else {"json": body}
        async with self._http.request(method, self.address + path, headers=self._origin, **sent) as answer:
            assert answer.ok, f"{method} {path}: {await answer.text()}"
            return await answer.json()

    def open(self, path: str) -> Any:
        return self._http.ws_connect(self.address + path, headers=self._origin)


async def heard(socket: aiohttp.ClientWebSocketResponse, what: str, **wanted: str) -> Any:
    """The first event of this type from now on of which all that holds."""
    while True:
        frame = await socket.receive_json()
        data = frame.get("data") or {}
        if frame.get("event_type", frame.get("type")) != what:
            continue
        message = data.get("message", {})
        if all(value in str(message.get(name)) for name, value in wanted.items()):
            return data or frame


async def test_a_newcomers_first_hour(tmp_path: Path, own_database_url: str) -> None:
    settings = {"DEFAULT_MODEL": "practice", "DATABASE_URL": own_database_url}
    async with Librarian() as librarian:
        settings |= {"OPENAI_BASE_URL": librarian.base_url, "OPENAI_API_KEY": "sk-newcomers-own-key"}
        cookies = aiohttp.CookieJar(unsafe=True)  # an address has some too
        session = aiohttp.ClientSession(cookie_jar=cookies)
        async with server(tmp_path, **settings) as served, session as http, asyncio.timeout(120):
            await _first_hour(Browser(http, served.address), served, librarian)


async def _first_hour(browser: Browser, served: Server, librarian: Librarian) -> None:
    account: JsonObject = {"email": "nora@example.org", "password": PASSWORD}
    await browser.ask("POST", "/api/register", account)
    await browser.ask("POST", "/api/login", account)

    room = (await browser.ask("POST", "/api/rooms", {"name": "Town hall", "description": "What to repair first"}))["id"]
    for name, model in (("Libby", f"openai:{MODEL}"), ("Paul", "practice")):
        agent = await browser.ask(
            "POST", "/api/agents", {"name": name, "definition_slug": "assistant", "config": {"models": [model]}}
        )
        await browser.ask("POST", f"/api/rooms/{room}/members", {"agent_id": agent["id"]})

    form = aiohttp.FormData()
    form.add_field("file", DOCUMENT.encode(), filename="repairs.md", content_type="text/markdown")
    document = await browser.ask("POST", f"/api/rooms/{room}/attachments?wait=30", form)
    assert document["status"] == "ready", document

    async with browser.open(f"/ws/rooms/{room}") as live:
        question = "@libby when is the north bridge of Lindholm closed?"
        asked = await browser.ask(
            "POST", f"/api/rooms/{room}/messages", {"content": question, "attachments": [document["id"]]}
        )
        run_id = (await browser.ask("GET", f"/api/rooms/{room}"))["speaking_run_id"]
        async with browser.open(f"/ws/runs/{run_id}") as writing:
            text = (await heard(writing, "delta"))["text"]
            librarian.goes_on.set()
            answer = (await heard(live, "room_message", sender_name="Libby"))["message"]
        assert answer["content"].startswith(text), "it was streamed, and then said"
        assert answer["seq"] > asked["seq"]
        assert [cited["document_id"] for cited in answer["citations"]] == [document["id"]]
        assert answer["unknown_citations"] == []

        await browser.ask(
            "POST", f"/api/rooms/{room}/messages", {"content": "/debate Should the north bridge be repaired first?"}
        )
        verdict = (await heard(live, "room_message", content="is completed."))["message"]
    assert verdict["sender_type"] == "system"
    report = await browser.ask("GET", f"/api/debates/{verdict['run_id']}/report")
    assert report["decision"]["winner"] in verdict["content"]
    log = await browser.ask("GET", f"/api/rooms/{room}/messages")
    assert [message["seq"] for message in log["messages"]] == [*range(1, len(log["messages"]) + 1)]
    assert log["messages"][-1] == verdict
    assert "Traceback" not in served.log()
