"""Talking to agents in tests: said, heard, and looked at."""

import sqlalchemy as sa

from folkmoot.conversations.schemas import NewMessage
from folkmoot.conversations.service import Posted, Question, post_message
from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event
from folkmoot.kernel.json import Json, JsonObject, loads
from folkmoot.kernel.scope import Scope
from tests.agents.office import Office
from tests.stubs.openai_stub import Reply


def echo(body: JsonObject) -> Reply:
    """Answers how many messages it saw and the last of them."""
    messages = body["messages"]
    assert isinstance(messages, list)
    last = messages[-1]
    assert isinstance(last, dict)
    return Reply(text=f"{len(messages)}: {last['content']}")


def texts_of(body: JsonObject) -> list[Json]:
    messages = body["messages"]
    assert isinstance(messages, list)
    return [message["content"] for message in messages if isinstance(message, dict)]


async def say(office: Office, agent: JsonObject, message: str, **more: Json) -> JsonObject:
    answer = await office.client.post(f"/api/agents/{agent['id']}/message", json={"message": message, **more})
    assert answer.status_code == 200, answer.text
    reply: JsonObject = answer.json()
    return reply


def frames(body: str) -> list[tuple[str, Json]]:
    found: list[tuple[str, Json]] = []
    for block in body.strip().split("\n\n"):
        if block.startswith("event: "):
            name, data = block.split("\n", 1)
            found.append((name.removeprefix("event: "), loads(data.removeprefix("data: "))))
    return found


def events_about(tx: Tx, run_id: str) -> list[str]:
    return [row.type for row in tx.all(Event, sa.select(Event.type).where(Event.run_id == run_id).order_by(Event.seq))]


def all_events(tx: Tx, scope: Scope) -> list[str]:
    found = sa.select(Event.type).where(Event.workspace_id == scope.workspace_id).order_by(Event.seq)
    return [row.type for row in tx.all(Event, found)]


async def post(office: Office, agent: JsonObject, message: str) -> Posted:
    """Store a question without waiting for its reply."""
    question = Question(agent_ref=str(agent["id"]), new=NewMessage(message=message))
    return await office.db.write(post_message, office.scope, office.engine, question)


async def end_of(office: Office, posted: Posted) -> tuple[str, Json]:
    run = await office.engine.wait(office.scope, posted.run_id, 10)
    return run.status, (run.result or {}).get("response")


async def say_anything(office: Office, agent: JsonObject, message: str) -> tuple[int, JsonObject]:
    answer = await office.client.post(f"/api/agents/{agent['id']}/message", json={"message": message})
    return answer.status_code, answer.json()


def listed(page: JsonObject, resource: str = "messages") -> list[JsonObject]:
    """The items of a list answer."""
    items = page[resource]
    assert isinstance(items, list)
    return [item for item in items if isinstance(item, dict)]
