"""Knowledge over HTTP: what is stored is found, and what is wrong is a problem document."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.events.log import store
from folkmoot.http.body import BodyGuard
from folkmoot.http.figures import Figures
from folkmoot.http.render import add_renderers
from folkmoot.http.requests import Requests
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.routes import DOCUMENTS, router
from folkmoot.llm.embeddings import Embedder
from folkmoot.runs.moves import number_events
from folkmoot.workspaces.deps import here
from tests.databases import new_scope
from tests.knowledge.embedder import StubEmbedder
from tests.knowledge.files import DOCX_TEXT, HTML, HTML_TEXT, docx, pdf
from tests.knowledge.stage import NO_MODEL, stage

pytestmark = pytest.mark.system  # the whole room over HTTP, call by call

TEXT = "# Runs\n\nAfter a crash every run is finished.\n"


@asynccontextmanager
async def client_for(db: Database, scope: Scope, embedder: Embedder = NO_MODEL) -> AsyncIterator[AsyncClient]:
    async with stage(db, embedder) as staged:
        app = FastAPI()
        app.include_router(router)
        add_renderers(app)
        app.state.runtime = SimpleNamespace(db=db)
        app.state.engine, app.state.library = staged.engine, staged.library
        app.dependency_overrides[here] = lambda: scope
        guarded = BodyGuard(app, uploads={DOCUMENTS: 300_000})
        transport = ASGITransport(Requests(guarded, Figures()))
        async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


@pytest.fixture
def hooks() -> Hooks:
    return Hooks(before_commit=(number_events,), store=store)


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
        "source",
        "passages",
        "run_id",
        "error",
        "room_id",
        "added_by",
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
    assert (await client.get("/api/knowledge/search", params={"q": "crash"})).json()["passages"] == []


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


@pytest.mark.parametrize(
    ("name", "raw", "text", "media_type"),
    [
        ("bees.html", HTML, HTML_TEXT, "text/markdown"),
        ("bees.docx", docx(), DOCX_TEXT, "text/markdown"),
        ("bees.pdf", pdf("Swarms leave in May."), "Swarms leave in May.", "text/plain"),
        ("bees.md", b"# Bees\n\nThey hum.\n", "# Bees\n\nThey hum.", "text/markdown"),
        ("bees.txt", b"They hum.", "They hum.", "text/plain"),
    ],
)
async def test_a_file_is_uploaded_read_and_found(
    client: AsyncClient, name: str, raw: bytes, text: str, media_type: str
) -> None:
    given = {"tags": ["bees", "b2", "bees"], "source": f"file:/{name}"}
    answer = await client.post(f"{DOCUMENTS}?wait=30", files={"file": (f"C:\\folder\\{name}", raw)}, data=given)
    assert answer.status_code == 201
    document = answer.json()
    assert (document["title"], document["media_type"], document["tags"]) == (name, media_type, ["bees", "b2"])
    passages = (await client.get(f"{DOCUMENTS}/{document['id']}/passages")).json()
    assert (passages["total"], document["passages"]) == (1, 1)
    assert passages["passages"][0]["text"] == text
    again = await client.post(DOCUMENTS, files={"file": (name, raw)})
    assert (again.status_code, again.json()) == (200, document)


async def test_a_long_text_is_taken_in_by_a_run(client: AsyncClient, db: Database, scope: Scope) -> None:
    text = "".join(f"# Part {number}\n\nA zebra crossed road {number} again.\n\n" for number in range(8000))
    new = {"title": "Zebras", "text": text, "media_type": "text/markdown"}
    answer = await client.post(DOCUMENTS, json=new)
    assert answer.status_code == 202
    document = answer.json()
    assert (document["status"], document["passages"]) == ("ingesting", 0)
    ready = (await client.post(f"{DOCUMENTS}?wait=30", json=new)).json()
    assert (ready["id"], ready["run_id"], ready["status"]) == (document["id"], document["run_id"], "ready")
    page = (await client.get(f"{DOCUMENTS}/{document['id']}/passages", params={"skip": 100, "limit": 200})).json()
    assert page["total"] == ready["passages"] > 400
    assert all(passage["text"] == text[passage["start"] : passage["end"]] for passage in page["passages"])
    found = await client.get("/api/knowledge/search", params={"q": "road 7999", "limit": 1})
    assert "road 7999 again" in found.json()["passages"][0]["text"]


async def test_a_file_that_cannot_be_read_leaves_a_document_that_says_so(client: AsyncClient) -> None:
    answer = await client.post(f"{DOCUMENTS}?wait=30", files={"file": ("a.pdf", b"%PDF-1.4 rubbish")})
    assert answer.status_code == 202
    document = answer.json()
    assert (document["status"], document["error"], document["passages"]) == ("failed", "The PDF is damaged", 0)
    replaced = await client.post(f"{DOCUMENTS}?wait=30", files={"file": ("a.pdf", pdf("Fine."))}, data={"source": "s"})
    assert (replaced.status_code, replaced.json()["error"]) == (201, None)
    failed = await client.post(
        f"{DOCUMENTS}?wait=30", files={"file": ("a.pdf", b"%PDF-1.4 worse")}, data={"source": "s"}
    )
    kept = failed.json()
    assert (kept["id"], kept["status"], kept["passages"]) == (replaced.json()["id"], "ready", 1)
    assert kept["error"] == "The PDF is damaged"


@pytest.mark.parametrize(
    ("files", "data", "status", "code"),
    [
        ({"file": ("a.txt", b"\x00\x01")}, {}, 415, "unsupported_file"),
        ({"file": ("a.txt", b"")}, {}, 422, "empty_document"),
        ({"file": ("a.txt", b" \n")}, {}, 422, "empty_document"),
        ({"file": ("a.txt", b"x" * 400_000)}, {}, 413, "body_too_large"),
        ({"file": ("a.txt", b"x"), "other": ("b.txt", b"y")}, {}, 400, "bad_request"),
        ({"paper": ("a.txt", b"x")}, {}, 422, "invalid"),
        ({"file": ("a.txt", b"x")}, {"title": ""}, 422, "invalid"),
        ({"file": ("a.txt", b"x")}, {"tags": ["x"] * 33}, 422, "invalid"),
        ({"file": ("a.txt", b"x")}, {"path": "/etc"}, 422, "invalid"),
        ({"file": ("a.txt", b"x")}, {"project_id": "nowhere"}, 404, "no_such_project"),
    ],
)
async def test_uploads_that_are_refused(
    client: AsyncClient, files: dict[str, tuple[str, bytes]], data: dict[str, str], status: int, code: str
) -> None:
    answer = await client.post(DOCUMENTS, files=files, data=data)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await client.get(DOCUMENTS)).json()["total"] == 0


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_a_body_of_another_kind_is_refused(client: AsyncClient, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = await client.post(DOCUMENTS, content=b'{"title": "T", "text": "Text."}', headers=headers)
    assert answer.status_code in (400, 422)


async def test_documents_are_changed_and_filtered(client: AsyncClient) -> None:
    made = (await client.post(DOCUMENTS, json={"title": "T", "text": "A zebra.", "source": "a"})).json()
    await client.post(DOCUMENTS, json={"title": "U", "text": "Another zebra.", "tags": ["other"]})
    changed = await client.patch(f"{DOCUMENTS}/{made['id']}", json={"tags": ["one"], "title": "Zebra"})
    assert (changed.status_code, changed.json()["tags"], changed.json()["title"]) == (200, ["one"], "Zebra")
    for query in ({"tag": "one"}, {"source": "a"}, {"tag": "one", "status": "ready"}):
        page = (await client.get(DOCUMENTS, params=query)).json()
        assert [document["id"] for document in page["documents"]] == [made["id"]], query
    found = (await client.get("/api/knowledge/search", params={"q": "zebra", "tag": "one"})).json()
    assert [passage["document_id"] for passage in found["passages"]] == [made["id"]]
    assert (await client.patch(f"{DOCUMENTS}/{new_id()}", json={"tags": []})).status_code == 404
    assert (await client.get(f"{DOCUMENTS}/{new_id()}/passages")).status_code == 404


async def test_a_search_says_how_it_searched(client: AsyncClient, db: Database, scope: Scope) -> None:
    asked = {"q": "zebra"}
    by_text = (await client.get("/api/knowledge/search", params=asked)).json()
    assert (by_text["mode"], "EMBEDDING_MODEL" in by_text["note"]) == ("text", True)
    async with client_for(db, scope, StubEmbedder()) as other:
        made = await other.post(f"{DOCUMENTS}?wait=30", json={"title": "T", "text": "Zebras."})
        assert made.json()["run_id"] is not None
        hybrid = (await other.get("/api/knowledge/search", params=asked)).json()
        assert (hybrid["mode"], hybrid["note"], len(hybrid["passages"])) == ("hybrid", None, 1)
        chosen = (await other.get("/api/knowledge/search", params={**asked, "mode": "text"})).json()
        assert (chosen["mode"], chosen["note"]) == ("text", None)


async def test_a_workspace_is_indexed_again(client: AsyncClient, db: Database, scope: Scope) -> None:
    await client.post(DOCUMENTS, json={"title": "T", "text": "A zebra."})
    without = (await client.post("/api/knowledge/reindex?wait=30")).json()
    assert (without["status"], without["stop_reason"]) == ("completed", "no_model")
    async with client_for(db, scope, StubEmbedder()) as other:
        run = (await other.post("/api/knowledge/reindex?wait=30")).json()
        assert (run["kind"], run["stop_reason"], run["results"]["vectors"]) == ("ingest", "embedded", 1)
