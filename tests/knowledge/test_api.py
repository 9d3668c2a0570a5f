"""Knowledge over HTTP: what is stored is found, and what is wrong is a problem document."""

from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from folkmoot.db.database import Database
from folkmoot.http.figures import Figures
from folkmoot.http.render import add_renderers
from folkmoot.http.requests import Requests
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.routes import router
from folkmoot.workspaces.deps import here
from tests.databases import new_scope

DOCUMENTS = "/api/knowledge/documents"
TEXT = "# Runs\n\nAfter a crash every run is finished.\n"


def client_for(db: Database, scope: Scope) -> AsyncClient:
    app = FastAPI()
    app.include_router(router)
    add_renderers(app)
    app.state.runtime = SimpleNamespace(db=db)
    app.dependency_overrides[here] = lambda: scope
    return AsyncClient(transport=ASGITransport(Requests(app, Figures())), base_url="http://127.0.0.1")


@pytest.fixture
async def client(db: Database, scope: Scope) -> AsyncIterator[AsyncClient]:
    async with client_for(db, scope) as client:
        yield client


async def test_a_document_is_stored_found_listed_and_deleted(client: AsyncClient) -> None:
    new = {"title": "Runs", "text": TEXT, "media_type": "text/markdown", "tags": ["docs"]}
    answer = await client.post(DOCUMENTS, json=new)
    assert answer.status_code == 201
    document = answer.json()
    assert answer.headers["location"] == f"{DOCUMENTS}/{document['id']}"
    assert document.keys() == {
        *("id", "project_id", "title", "media_type", "sha256", "size", "status", "tags", "created_at"),
        "updated_at",
    }
    assert (document["status"], document["size"], document["tags"]) == ("ready", len(TEXT), ["docs"])

    again = await client.post(DOCUMENTS, json=new)
    assert (again.status_code, again.json()) == (200, document)
    assert (await client.get(f"{DOCUMENTS}/{document['id']}")).json() == document
    page = (await client.get(DOCUMENTS)).json()
    assert page == {"documents": [document], "total": 1, "skip": 0, "limit": 50}

    found = await client.get("/api/knowledge/search", params={"q": "What about crashes?", "limit": 3})
    (passage,) = found.json()["passages"]
    assert passage.pop("score") > 0
    assert len(passage.pop("id")) == 36
    assert passage == {
        "document_id": document["id"],
        "title": "Runs",
        "text": TEXT.strip(),
        "start": 0,
        "end": len(TEXT.strip()),
    }

    assert (await client.delete(f"{DOCUMENTS}/{document['id']}")).status_code == 204
    assert (await client.get(f"{DOCUMENTS}/{document['id']}")).status_code == 404
    assert (await client.get("/api/knowledge/search", params={"q": "crash"})).json() == {"passages": []}


async def test_a_search_in_named_documents(client: AsyncClient) -> None:
    ids = []
    for number in range(3):
        answer = await client.post(DOCUMENTS, json={"title": f"{number}", "text": f"Zebra number {number}."})
        ids.append(answer.json()["id"])
    asked = {"q": "zebra", "document_id": ids[:2]}
    passages = (await client.get("/api/knowledge/search", params=asked)).json()["passages"]
    assert {passage["document_id"] for passage in passages} == set(ids[:2])
    unknown = await client.get("/api/knowledge/search", params={"q": "zebra", "document_id": [ids[0], new_id()]})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_such_document")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_foreign_document_is_an_unknown_one(db: Database, client: AsyncClient, method: str) -> None:
    async with client_for(db, await db.write(new_scope)) as foreign:
        theirs = (await foreign.post(DOCUMENTS, json={"title": "T", "text": "Their text."})).json()["id"]
        answers = [await client.request(method, f"{DOCUMENTS}/{name}") for name in (theirs, new_id(), "x", "%00")]
        assert (await foreign.get(f"{DOCUMENTS}/{theirs}")).status_code == 200
    assert [answer.status_code for answer in answers] == [404, 404, 404, 422]
    body = answers[0].json()
    assert (body["detail"], body["code"]) == ("Document not found", "no_such_document")


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": ""},
        {"text": " \n"},
        {"text": "a\x00b"},
        {"title": ""},
        {"title": "t" * 256},
        {"media_type": "application/pdf"},
        {"tags": ["x"] * 33},
        {"tags": "docs"},
        {"embedding": "large"},
    ],
)
async def test_what_cannot_be_stored(client: AsyncClient, wrong: dict[str, object]) -> None:
    answer = await client.post(DOCUMENTS, json={"title": "T", "text": "Text.", **wrong})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_text_that_is_too_large(client: AsyncClient) -> None:
    answer = await client.post(DOCUMENTS, json={"title": "T", "text": "é" * 800_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "document_too_large")


@pytest.mark.parametrize("query", [{}, {"q": ""}, {"q": "a", "limit": 0}, {"q": "a", "limit": 51}, {"q": "a\x00"}])
async def test_searches_that_cannot_be_made(client: AsyncClient, query: dict[str, str]) -> None:
    assert (await client.get("/api/knowledge/search", params=query)).status_code == 422
