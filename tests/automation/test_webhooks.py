"""Webhooks as an admin meets them, and whom the application itself lets call what."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.automation.tables import Schedule
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import loads
from folkmoot.kernel.scope import Role
from tests.automation.receiver import Receiver
from tests.databases import new_scope
from tests.net.servers import Served, serving
from tests.persons import admit, enrol
from tests.serving import client_of, running, settings_for

pytestmark = pytest.mark.system  # what happens with time, and hooks that take some

MADE = {"name": "Tickets", "types": ["task_created"]}


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def served(receiver: Receiver) -> AsyncIterator[Served]:
    async with serving(receiver) as opened:
        yield opened


@pytest.fixture
async def app(own_database_url: str, tmp_path: Path, served: Served) -> AsyncIterator[FastAPI]:
    """It may call the receiver, and nothing else that is not public."""
    settings = settings_for(own_database_url, tmp_path).model_copy(update={"outgoing_allowed_hosts": [served.place]})
    async with running(settings) as started:
        yield started


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    scope = await app.state.runtime.db.write(new_scope)
    async with client_of(app) as opened:
        opened.headers["X-Workspace-Id"] = scope.workspace_id
        yield opened


async def ask(client: AsyncClient, method: str, path: str, body: object = None, status: int = 200) -> Any:
    answer = await client.request(method, f"/api/webhooks{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def look(app: FastAPI) -> None:
    await app.state.postman.look()
    await app.state.postman.rest()


async def test_its_life(app: FastAPI, client: AsyncClient, served: Served, receiver: Receiver) -> None:
    made = await ask(client, "POST", "", {**MADE, "url": served.url}, 201)
    secret = made.pop("secret")
    assert secret.startswith("fmhook_")
    assert made["url"] == served.url + "/", "in its one canonical form"
    assert await ask(client, "GET", f"/{made['id']}") == made
    assert (await ask(client, "GET", ""))["webhooks"] == [made]
    assert (await client.post("/api/tasks", json={"description": "Say what is new"})).status_code == 201
    await look(app)
    [delivery] = (await ask(client, "GET", f"/{made['id']}/deliveries"))["deliveries"]
    assert (delivery["status"], delivery["event_type"], delivery["response_status"]) == (
        "delivered",
        "task_created",
        200,
    )
    [sent] = receiver.bodies
    frame: Any = loads(sent)
    assert (frame["event_type"], frame["seq"]) == ("task_created", delivery["seq"])
    changed = await ask(client, "PATCH", f"/{made['id']}", {"name": "Other", "is_enabled": False})
    assert (changed["name"], changed["is_enabled"], changed["types"]) == ("Other", False, ["task_created"])
    await client.post("/api/tasks", json={"description": "Not now"})
    await look(app)
    assert len(receiver.bodies) == 1
    await ask(client, "PATCH", f"/{made['id']}", {"is_enabled": True})
    await look(app)
    assert len(receiver.bodies) == 2, "it goes on where it stopped"
    everything = (await client.get("/api/audit")).text + str(await ask(client, "GET", f"/{made['id']}/deliveries"))
    assert secret not in everything
    await ask(client, "DELETE", f"/{made['id']}", status=204)
    assert (await ask(client, "GET", f"/{made['id']}", status=404))["code"] == "no_such_webhook"


@pytest.fixture
def busy_house(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks for what is due more often than for users."""
    monkeypatch.setattr("folkmoot.wiring.LOOK_SECONDS", 0.05)


@pytest.mark.usefixtures("busy_house")
async def test_all_of_it_happens_by_itself(
    app: FastAPI, client: AsyncClient, served: Served, receiver: Receiver
) -> None:
    """A time comes, a run is started and ends, and other software is told: nobody asks for any of it."""
    await ask(client, "POST", "", {"name": "Tickets", "types": ["completion"], "url": served.url}, 201)
    given = {"name": "Rare", "cron": "0 0 29 2 *", "task": {"description": "Say what is new"}}
    made = await client.post("/api/schedules", json=given)
    due = sa.update(Schedule).where(Schedule.id == made.json()["id"]).values(next_at=now())
    await app.state.runtime.db.write(lambda tx: tx.write(due))
    await asyncio.wait_for(receiver.arrived.wait(), 30)
    frame: Any = loads(receiver.bodies[0])
    assert (frame["event_type"], frame["task_id"]) == ("completion", made.json()["task_id"])


async def test_ping_and_redelivery(app: FastAPI, client: AsyncClient, served: Served, receiver: Receiver) -> None:
    made = await ask(client, "POST", "", {**MADE, "url": served.url, "is_enabled": False}, 201)
    receiver.answers.extend([500, 200])
    failed = await ask(client, "POST", f"/{made['id']}/ping")
    assert (failed["status"], failed["event_type"], failed["seq"], failed["attempts"]) == ("failed", "ping", None, 1)
    assert (failed["error"], failed["response_body"], failed["next_at"]) == ("The answer was 500", "thanks", None)
    again = await ask(client, "POST", f"/{made['id']}/deliveries/{failed['id']}/redeliver")
    assert (again["id"], again["status"], again["attempts"], again["error"]) == (failed["id"], "delivered", 2, None)
    first, second = receiver.seen
    assert first["folkmoot-delivery"] == second["folkmoot-delivery"] == failed["id"]
    assert receiver.bodies[0] == receiver.bodies[1]
    await ask(client, "PATCH", f"/{made['id']}", {"is_enabled": True})
    receiver.answers.append(503)
    await client.post("/api/tasks", json={"description": "Say what is new"})
    await look(app)
    [pending] = (await ask(client, "GET", f"/{made['id']}/deliveries?status=pending"))["deliveries"]
    refused = await ask(client, "POST", f"/{made['id']}/deliveries/{pending['id']}/redeliver", status=409)
    assert refused["code"] == "delivery_pending"
    unknown = await ask(client, "POST", f"/{made['id']}/deliveries/{new_id()}/redeliver", status=404)
    assert unknown["code"] == "no_such_delivery"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"url": "http://169.254.169.254/latest/meta-data"}, "address_refused"),
        ({"url": "http://localhost/"}, "address_refused"),
        ({"url": "file:///etc/passwd"}, "address_refused"),
        ({"url": "https://user:word@example.org/"}, "address_refused"),
        ({"types": ["no_such_type"]}, "unknown_event_type"),
        ({"types": []}, "invalid"),
        ({"secret": "mine"}, "invalid"),
    ],
)
async def test_nonsense_is_refused(client: AsyncClient, given: dict[str, object], code: str) -> None:
    problem = await ask(client, "POST", "", {**MADE, "url": "https://example.org/", **given}, 422)
    assert problem["code"] == code
    assert (await ask(client, "GET", ""))["total"] == 0


async def test_members_see_neither_webhooks_nor_their_urls(app: FastAPI, client: AsyncClient) -> None:
    workspace_id = client.headers["X-Workspace-Id"]
    admin, member = await enrol(app, "admin"), await enrol(app, "member")
    await admit(app, admin, workspace_id, Role.ADMIN)
    await admit(app, member, workspace_id, Role.MEMBER)
    url = "https://hooks.example/secret-path"
    client.headers.update(admin.by_key)
    made = await ask(client, "POST", "", {**MADE, "url": url, "is_enabled": False}, 201)
    log = await client.get("/api/audit")
    assert (log.status_code, "secret-path" in log.text) == (200, False)
    client.headers.update(member.by_key)
    assert (await ask(client, "GET", f"/{made['id']}", status=403))["code"] == "role_too_low"
    events = await client.get("/api/events", params={"after": 0})
    assert (events.status_code, made["id"] in events.text, "secret-path" in events.text) == (200, True, False)


async def test_with_its_project_go_a_webhook_and_its_secret(app: FastAPI, client: AsyncClient) -> None:
    workspace = f"/api/workspaces/{client.headers['X-Workspace-Id']}"
    project = (await client.post(f"{workspace}/projects", json={"name": "Side"})).json()
    assert (await client.put(f"{workspace}/secrets/webhook_of_mine", json={"value": "kept"})).status_code == 200
    kept = await ask(client, "POST", "", {**MADE, "url": "https://hooks.example/"}, 201)
    gone = await ask(client, "POST", "", {**MADE, "url": "https://hooks.example/", "project_id": project["id"]}, 201)
    removed = await client.delete(f"{workspace}/projects/{project['id']}", params={"confirm": "Side"})
    assert removed.status_code == 204
    await ask(client, "GET", f"/{gone['id']}", status=404)
    await app.state.postman.prune(timedelta(days=30))
    names = {secret["name"] for secret in (await client.get(f"{workspace}/secrets")).json()["secrets"]}
    assert names == {"webhook_of_mine", f"webhook_{kept['id'].replace('-', '')}"}


async def test_there_are_only_so_many(client: AsyncClient) -> None:
    for number in range(20):
        await ask(client, "POST", "", {**MADE, "name": str(number), "url": "https://hooks.example/"}, 201)
    refused = await ask(client, "POST", "", {**MADE, "url": "https://hooks.example/"}, 409)
    assert refused["code"] == "too_many_webhooks"
