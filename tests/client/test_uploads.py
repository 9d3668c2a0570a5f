"""Files over a real socket: by path and as bytes, with both clients, read back as they were sent."""

import asyncio
from pathlib import Path

import pytest

from folkmoot.client import AsyncFolkmoot, Folkmoot, Invalid, Unreachable
from folkmoot.client.calls.knowledge import upload_document
from folkmoot.client.resources.knowledge import Document
from tests.client.proxy import line_to
from tests.knowledge.files import pdf

pytestmark = pytest.mark.system  # each test starts an application

NOTES = "# Swarms\r\n\r\nSwarms leave in May: “für immer”.\r\n--\r\n"


def sent_by_path(address: str, place: Path) -> tuple[Document, list[str]]:
    with Folkmoot(address) as client:
        kept = client.upload_document(place, wait=30, tags=["bees", "2026"])
        assert client.upload_document(str(place)).id == kept.id, "the same file is the same document"
        return kept, [passage.text for passage in client.list_passages(kept.id).passages]


async def test_a_file_is_sent_by_its_path(address: str, tmp_path: Path) -> None:
    place = tmp_path / 'notes "of May"; für alle.md'
    place.write_bytes(NOTES.encode())
    kept, texts = await asyncio.to_thread(sent_by_path, address, place)
    assert (kept.title, kept.tags, kept.status) == (place.name, ["bees", "2026"], "ready")
    assert "Swarms leave in May: “für immer”." in "".join(texts)


async def test_a_file_is_sent_as_bytes(address: str) -> None:
    async with AsyncFolkmoot(address) as client:
        kept = await client.upload_document(pdf("Queens are fed royal jelly."), filename="queens.pdf", wait=60)
        assert (kept.title, kept.status) == ("queens.pdf", "ready")
        found = await client.search_knowledge("royal jelly", document_id=[kept.id])
        assert [passage.document_id for passage in found.passages] == [kept.id]
        named = await client.upload_document(b"A text.", title="By another name", source="file:///a.txt")
        assert (named.title, named.source) == ("By another name", "file:///a.txt")


async def test_a_file_is_sent_into_a_room(address: str) -> None:
    async with AsyncFolkmoot(address) as client:
        room = await client.create_room("Harbour")
        kept = await client.upload_room_attachment(room.id, b"Swarms leave in May.", filename="bees.txt", wait=60)
        assert [one.id for one in (await client.list_room_attachments(room.id)).documents] == [kept.id]
        assert kept.room_id == room.id


async def test_what_cannot_be_sent_is_told(address: str, tmp_path: Path) -> None:
    async with AsyncFolkmoot(address) as client:
        with pytest.raises(FileNotFoundError):
            await client.upload_document(tmp_path / "missing.md")
        with pytest.raises(Invalid):
            await client.upload_document(b"A text.", tags=["x" * 1000])


async def test_a_file_may_be_sent_again_where_it_did_not_arrive(address: str) -> None:
    async with AsyncFolkmoot("http://127.0.0.1:9") as client:
        with pytest.raises(Unreachable) as nobody:
            await client.upload_document(b"A text.")
        assert not nobody.value.was_sent
    budgets = iter([10])
    async with line_to(address, lambda: next(budgets, None)) as line, AsyncFolkmoot(line.address) as client:
        with pytest.raises(Unreachable) as lost:
            await client.upload_document(b"A text.", title="Once")
        assert (lost.value.was_sent, line.connections) == (True, 1)


def test_a_request_is_the_same_form_however_often_it_is_sent() -> None:
    call = upload_document(b"\x00\xff\r\n", filename='a"\r\n.md', tags=["x", "y"])
    sent = call.request({})
    kind = sent.headers["Content-Type"]
    assert kind.startswith("multipart/form-data; boundary=")
    boundary = kind.partition("=")[2].encode()
    assert sent.body is not None
    *parts, end = sent.body.split(b"--" + boundary)[1:]
    assert end == b"--\r\n"
    assert [part.partition(b"\r\n\r\n")[2][:-2] for part in parts] == [b"x", b"y", b"\x00\xff\r\n"]
    assert b'filename="a\\"%0D%0A.md"' in parts[-1]
