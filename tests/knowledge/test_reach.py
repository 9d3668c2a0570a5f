"""How far a search reaches: documents of rooms are in reach only of the room, and of the persons who are in it."""

from collections.abc import Collection
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.db.tx import Tx
from folkmoot.events.log import store
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.queries import EVERYTHING, Within, passages_of_ids
from folkmoot.knowledge.schemas import NewAttachment, NewDocument
from folkmoot.knowledge.search import Search
from folkmoot.knowledge.tables import Document
from folkmoot.rooms.tables import Room, RoomMember
from folkmoot.runs.moves import number_events
from tests.databases import new_scope
from tests.knowledge.embedder import StubEmbedder
from tests.knowledge.stage import stage

pytestmark = pytest.mark.system  # each test starts an application

MEMBER = "somebody"
TEXT = "A zebra crossed the road in {}."


@pytest.fixture
def hooks() -> Hooks:
    return Hooks(before_commit=(number_events,), store=store)


@dataclass(frozen=True)
class Open:
    """A shelf that anybody may use."""

    room_id: str

    def hold(self, tx: Tx, scope: Scope) -> None: ...

    def check_change(self, tx: Tx, scope: Scope, document: Document) -> None: ...


def _seat(tx: Tx, scope: Scope, room_id: str) -> None:
    """A room is nothing here but who is in it."""
    at, place = now(), {"workspace_id": scope.workspace_id, "project_id": scope.project_id}
    conversation = {"id": room_id, **place, "kind": "room", "last_seq": 0, "is_standing": False}
    tx.write(sa.insert(_conversations()), {**conversation, "title": "R", "created_at": at, "updated_at": at})
    stands = {"mode": "open", "ai_frequency": 0.0, "seed": 0, "approval": False, "settings": {}, "queue": []}
    named = {"name": "R", "description": "", "monologue": 0, "last_message_at": at}
    tx.write(sa.insert(Room), {"id": room_id, **place, **stands, **named, "created_at": at, "updated_at": at})
    seat = {"room_id": room_id, "member_kind": "user", "member_id": MEMBER, "name": "S", "role": "member"}
    counts = {"asleep": False, "joined_seq": 0, "spoke_seq": 0, "last_read_seq": 0}
    tx.write(sa.insert(RoomMember), {**seat, **counts, "created_at": at, "updated_at": at})


def _conversations() -> sa.Table:
    table = Room.metadata.tables["conversations"]
    assert isinstance(table, sa.Table)
    return table


@pytest.mark.parametrize("embedder", [StubEmbedder(None), StubEmbedder()], ids=["text", "hybrid"])
async def test_what_a_search_reaches(db: Database, scope: Scope, embedder: StubEmbedder) -> None:
    room, other, elsewhere = new_id(), new_id(), await db.write(new_scope)
    await db.write(_seat, scope, room)
    async with stage(db, embedder) as staged:
        ours = await staged.add(scope, NewDocument(title="ours", text=TEXT.format("ours"), tags=["boats"]))
        await staged.add(elsewhere, NewDocument(title="foreign", text=TEXT.format("foreign")))
        for room_id in (room, other):
            new = NewAttachment(title=room_id, text=TEXT.format("a room"))
            await staged.library.add(scope, new, 20, Open(room_id))
    search = Search(db, embedder)

    async def found(within: Within) -> Collection[str]:
        result = await search.find(scope, "zebra", 10, within)
        assert result.mode == ("text" if embedder.embedding_model is None else "hybrid")
        ids = [passage.id for passage in result.passages]
        assert (await db.read(passages_of_ids, scope, ids, within)).keys() == set(ids)
        return {passage.title for passage in result.passages}

    nothing, narrowed = Within(document_ids=()), Within(document_ids=(ours.document.id,), tag="none")
    assert await found(EVERYTHING) == {"ours"}
    assert await found(nothing) == set()
    assert await found(narrowed) == set()
    assert await found(Within(room_id=room)) == {"ours", room}
    assert await found(Within(room_id=other)) == {"ours", other}
    assert await found(Within(room_id=room, document_ids=())) == {room}
    assert await found(Within(room_id=room, tag="none", project_id="none")) == {room}
    assert await found(Within(seen_by=MEMBER)) == {"ours", room}
    assert await found(Within(seen_by=MEMBER, tag="boats")) == {"ours"}
    assert await found(Within(seen_by="another")) == {"ours"}
