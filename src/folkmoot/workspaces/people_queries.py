"""The SELECTs for users who come and go: where all of them could be, and where one is."""

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.workspaces.rules import DEFAULT, TenantStatus
from folkmoot.workspaces.tables import Membership, Workspace

_ALL = (
    sa.select(Workspace.id)
    .where(Workspace.status == TenantStatus.ACTIVE)
    .order_by(sa.case((Workspace.slug == DEFAULT, 0), else_=1), Workspace.id)
)
_OF_USER = sa.select(Membership.workspace_id).where(Membership.user_id == sa.bindparam("user_id"))


def all_workspace_ids(tx: Tx) -> list[str]:
    """The workspace `default`, then the others by age."""
    return [row.id for row in tx.all(Workspace, _ALL)]


def workspace_ids_of(tx: Tx, user_id: str) -> list[str]:
    """Where the user is a member."""
    return [row.workspace_id for row in tx.all(Membership, _OF_USER, user_id=user_id)]
