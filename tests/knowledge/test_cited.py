"""What an answer cites is listed with it, wherever answers are given: passages that are there, and ids of none."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient
from pydantic import SecretStr

from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.cited import MOST_CITED, cited
from tests.conversations.talk import frames
from tests.databases import new_scope
from tests.rooms.lounge import Lounge
from tests.serving import client_of, running, settings_for
from tests.stubs.ollama_stub import MODEL, OllamaStub
from tests.stubs.openai_stub import OpenAIStub, Reply, team_script

pytestmark = pytest.mark.system

TEXT = "A zebra is kept in company and is never kept alone."


@dataclass
class Cast:
    """Everybody says `says`; a team reports it."""

    says: str = ""
    asked: list[JsonObject] = field(default_factory=list)

    def __call__(self, body: JsonObject) -> Reply:
        said = team_script(body)
        if "All done." in said.text:
            return Reply(text=said.text.replace("All done.", self.says))
        return Reply(text=self.says) if body.get("response_format") is None else said


@dataclass
class Desk:
    lounge: Lounge
    cast: Cast

    @property
    def client(self) -> AsyncClient:
        return self.lounge.client

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        return await self.lounge.ask(method, path, body)

    async def store(self, path: str = "/api/knowledge/documents") -> dict[str, Any]:
        """The citation of the one passage of a new document, which is put there."""
        title, text = "Zebras", TEXT
        document = await self.ask("POST", path, {"title": title, "text": text})
        page = await self.ask("GET", f"/api/knowledge/documents/{document['id']}/passages")
        (passage,) = page["passages"]
        told = {"passage_id": passage["id"], "document_id": document["id"], "title": title}
        return {**told, "start": 0, "end": len(text)}

    async def says(self, *lines: str) -> str:
        self.cast.says = " ".join(lines)
        return self.cast.says


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    cast = Cast()
    async with OpenAIStub(cast) as stub, OllamaStub(cast) as ollama:
        given = {
            "default_model": "openai:stub-1",
            "openai_api_key": SecretStr("key"),
            "openai_base_url": stub.base_url,
            "ollama_host": ollama.address,
        }
        settings = settings_for(database_url, tmp_path).model_copy(update=given)
        async with running(settings) as app, client_of(app) as client:
            scope = await app.state.runtime.db.write(new_scope)
            yield Desk(await Lounge(app, client, scope).furnish(), cast)


async def _of_another_workspace(app: FastAPI) -> str:
    """A passage that is there, and not for the caller."""
    other = Lounge(app, client_of(app), await app.state.runtime.db.write(new_scope))
    other.headers["X-Workspace-Id"] = other.scope.workspace_id
    return str((await Desk(other, Cast()).store())["passage_id"])


async def test_a_reply_lists_what_it_cites_and_what_is_no_citation(desk: Desk) -> None:
    known, made_up = await desk.store(), new_id()
    foreign = await _of_another_workspace(desk.lounge.app)
    id = known["passage_id"]
    text = await desk.says(f"In company [{id}], not alone [{made_up}; {id.upper()}], as elsewhere [{foreign}].")
    reply = await desk.ask("POST", "/api/agents/ada/message", {"message": "How are zebras kept?"})
    assert reply["response"] == text, "nothing is taken out of it"
    assert reply["citations"] == [known]
    assert reply["unknown_citations"] == [made_up, foreign], "another workspace's is as one that nobody has"
    run = await desk.ask("GET", f"/api/runs/{reply['run_id']}")
    assert (run["results"]["citations"], run["results"]["unknown_citations"]) == ([known], [made_up, foreign])
    page = await desk.ask("GET", f"/api/conversations/{reply['conversation_id']}/messages")
    question, answer = page["messages"]
    assert (question["citations"], question["unknown_citations"]) == ([], [])
    assert (answer["citations"], answer["unknown_citations"]) == ([known], [made_up, foreign])
    assert answer["payload"] is None
    assert answer["text"] == text
    events = (await desk.ask("GET", f"/api/runs/{reply['run_id']}/events"))["events"]
    told = [one["data"]["message"] for one in events if one["event_type"] == "agent_message"]
    assert [message for message in told if message["id"] == answer["id"]] == [answer]


async def test_a_streamed_reply_ends_with_them(desk: Desk) -> None:
    known = await desk.store()
    await desk.says(f"In company [{known['passage_id']}].")
    body = {"message": "How?", "stream": True}
    answer = await desk.client.post("/api/agents/ada/message", json=body, headers=desk.lounge.headers)
    name, done = frames(answer.text)[-1]
    assert name == "done"
    assert isinstance(done, dict)
    assert (done["citations"], done["unknown_citations"]) == ([known], [])


async def test_who_cites_nothing_lists_nothing(desk: Desk) -> None:
    await desk.says("In company, see [1] and [note].")
    reply = await desk.ask("POST", "/api/agents/ada/message", {"message": "How?"})
    assert (reply["citations"], reply["unknown_citations"]) == ([], [])
    run = await desk.ask("GET", f"/api/runs/{reply['run_id']}")
    assert not run["results"].keys() & {"citations", "unknown_citations"}


async def test_tasks_teams_and_operators_list_them_in_their_results(desk: Desk) -> None:
    known, made_up = await desk.store(), new_id()
    await desk.says(f"In company [{known['passage_id']}, {made_up}].")
    told = {"citations": [known], "unknown_citations": [made_up]}
    done = await desk.ask("POST", "/api/agents/ada/execute", {"operation": "tell", "parameters": {}})
    assert done["result"].items() >= told.items()
    task = await desk.ask("POST", "/api/tasks", {"name": "Zebras", "description": "How are zebras kept?"})
    run = await desk.ask("POST", "/api/runs?wait=30", {"task_id": task["id"]})
    assert run["results"]["summary"] == desk.cast.says
    assert run["results"].items() >= told.items()
    await desk.ask("POST", "/api/init")
    answer = await desk.ask("POST", "/api/agents/task", {"task": "Tell how zebras are kept"})
    assert answer.items() >= told.items()


async def test_what_an_agent_says_in_a_room_does_too(desk: Desk) -> None:
    known, made_up = await desk.store(), new_id()
    await desk.says(f"In company [{known['passage_id']}], not alone [{made_up}].")
    room = await desk.lounge.open("Ada")
    asked = await desk.lounge.say(room, "@ada how are zebras kept?")
    assert (asked["citations"], asked["unknown_citations"]) == ([], [])
    await desk.lounge.quiet(room)
    _, said = await desk.lounge.log(room)
    assert said["content"] == desk.cast.says
    assert (said["citations"], said["unknown_citations"]) == ([known], [made_up])
    run = await desk.ask("GET", f"/api/runs/{said['run_id']}")
    assert run["results"]["citations"] == [known]
    await desk.ask("DELETE", f"/api/knowledge/documents/{known['document_id']}")
    assert (await desk.lounge.log(room))[1]["citations"] == [known], "it tells what was there when it was said"
    await desk.ask("DELETE", f"/api/rooms/{room}/messages/{said['id']}")
    gone = (await desk.lounge.log(room))[1]
    assert (gone["content"], gone["citations"], gone["unknown_citations"]) == ("", [], [])


async def test_what_is_attached_to_a_room_can_be_cited_in_it_alone(desk: Desk) -> None:
    room, other = await desk.lounge.open("Ada"), await desk.lounge.open("Ada")
    attached = await desk.store(f"/api/rooms/{room}/attachments")
    id = attached["passage_id"]
    await desk.says(f"In company [{id}].")
    found = []
    for one in (room, other):
        await desk.lounge.say(one, "@ada how are zebras kept?")
        await desk.lounge.quiet(one)
        said = (await desk.lounge.log(one))[-1]
        found.append((said["citations"], said["unknown_citations"]))
    assert found == [([attached], []), ([], [id])]
    reply = await desk.ask("POST", "/api/agents/ada/message", {"message": "How?"})
    assert (reply["citations"], reply["unknown_citations"]) == ([], [id])


async def test_a_room_is_told_what_a_team_cites_that_it_sent_to_work(desk: Desk) -> None:
    known = await desk.store()
    await desk.says(f"In company [{known['passage_id']}].")
    room = await desk.lounge.open(mode="quiet")
    work = await desk.ask("POST", f"/api/rooms/{room}/tasks", {"text": "How are zebras kept?"})
    await desk.lounge.engine.wait(desk.lounge.scope, work["run_id"], 30)
    report = (await desk.lounge.log(room))[-1]
    assert desk.cast.says in report["content"]
    assert report["citations"] == [known]


async def test_a_chat_with_ollama_lists_them_and_keeps_them(desk: Desk) -> None:
    known, made_up = await desk.store(), new_id()
    await desk.says(f"In company [{known['passage_id']}], not alone [{made_up}].")
    body = {"model": MODEL, "message": "How?"}
    answer = await desk.ask("POST", "/ollama/chat", body)
    assert (answer["citations"], answer["unknown_citations"]) == ([known], [made_up])
    kept = await desk.ask("POST", "/ollama/chat", {**body, "agent_id": "ada"})
    assert kept["citations"] == [known]
    page = await desk.ask("GET", f"/api/conversations/{kept['conversation_id']}/messages")
    assert [message["citations"] for message in page["messages"]] == [[], [known]]


async def test_what_somebody_puts_into_a_mailbox_cites_nothing(desk: Desk) -> None:
    """A client's own payload stays what it is, whatever its members are called."""
    payload = {"citations": "none", "unknown_citations": 3}
    new = {"direction": "outbound", "payload": payload}
    put = await desk.ask("POST", "/api/agents/ada/messages", new)
    assert (put["payload"], put["citations"]) == (payload, [])
    page = await desk.ask("GET", "/api/agents/ada/messages")
    assert page["messages"][0]["payload"] == payload


async def test_at_most_so_many_are_looked_up(desk: Desk) -> None:
    ids = [new_id() for _ in range(MOST_CITED + 5)]
    scope: Scope = desk.lounge.scope
    found = await desk.lounge.db.read(cited, scope, " ".join(f"[{id}]" for id in ids))
    assert found == {"citations": [], "unknown_citations": ids[:MOST_CITED]}
