"""What nobody waits for: deletions that a crash interrupted, parts that no run needs, texts that never came."""

import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.knowledge import pgvector
from folkmoot.knowledge.parts import forget_unused
from folkmoot.knowledge.queries import list_deleting
from folkmoot.knowledge.service import remove
from folkmoot.knowledge.staging import clear_outdated
from folkmoot.knowledge.tables import Chunk, Document

_LEFT_BEHIND = (
    sa.select(Document.id, Document.workspace_id, Document.project_id)
    .where(
        Document.error.is_not(None),
        Document.staged_sha256.is_(None),
        Document.status.in_(("ready", "failed")),
        sa.exists().where(
            Chunk.document_id == Document.id,
            sa.or_(Chunk.seq < Document.first_seq, Chunk.seq >= Document.first_seq + Document.passages),
        ),
    )
    .limit(100)
)


async def tidy(db: Database) -> None:
    """Finish deletions, forget parts, delete what texts that failed have left, take vectors over."""
    for document in await db.read_long(list_deleting):
        await remove(db, _scope(document), document.id)
    for document in await db.read_long(_left_behind):
        while not await db.write(clear_outdated, _scope(document), document.id):
            pass
    await forget_unused(db)
    await pgvector.fill(db)


def _left_behind(tx: Tx) -> list[Document]:
    return tx.all(Document, _LEFT_BEHIND)


def _scope(document: Document) -> Scope:
    return Scope(document.workspace_id, document.project_id, SYSTEM)
