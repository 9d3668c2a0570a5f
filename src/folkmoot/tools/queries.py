"""Every SELECT on what workspaces decided about tools."""

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import Scope
from folkmoot.tools.rules import Policy
from folkmoot.tools.tables import ToolPolicy

_POLICIES = sa.select(ToolPolicy.tool, ToolPolicy.is_allowed, ToolPolicy.needs_approval).where(
    ToolPolicy.workspace_id == sa.bindparam("workspace")
)


def policies(tx: Tx, scope: Scope) -> dict[str, Policy]:
    """The workspace's own decisions, by the tool's name."""
    rows = tx.all(ToolPolicy, _POLICIES, workspace=scope.workspace_id)
    return {row.tool: Policy(is_allowed=row.is_allowed, needs_approval=row.needs_approval) for row in rows}
