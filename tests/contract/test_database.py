"""x"""
from folkmoot.db.database import Database
from folkmoot.kernel.scope import Scope
import sqlalchemy as sa
async def test_x(db: Database, scope: Scope) -> None:
    assert await db.read(lambda tx: tx.scalar(sa.text("select count(*) from workspaces"))) == 1
    assert await db.read_long(lambda tx: tx.scalar(sa.text("select count(*) from workspaces"))) == 1
