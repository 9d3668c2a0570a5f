"""The database itself refuses rows that mix tenants."""

import pytest
import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.migrations.metadata import METADATA
from folkmoot.workspaces.tables import Project, Workspace
from tests.databases import new_scope

SCOPED = {name: table for name, table in METADATA.tables.items() if "workspace_id" in table.columns}
ROOTS = {name: table for name, table in SCOPED.items() if "project_id" in table.columns}


def keys(table: sa.Table) -> list[sa.ForeignKeyConstraint]:
    return [key for key in table.constraints if isinstance(key, sa.ForeignKeyConstraint)]


@pytest.mark.parametrize("name", ROOTS)
def test_every_root_refers_to_its_project_by_both(name: str) -> None:
    found = [key for key in keys(ROOTS[name]) if key.referred_table is Project.__table__]
    assert [(key.column_keys, key.ondelete) for key in found] == [(["workspace_id", "project_id"], "CASCADE")]


@pytest.mark.parametrize("name", SCOPED)
def test_scoped_rows_refer_to_scoped_rows_by_their_workspace_too(name: str) -> None:
    tenants = {Workspace.__tablename__, "agent_definitions"}  # a definition from code is in no workspace
    loose = [
        (key.column_keys, key.referred_table.name)
        for key in keys(SCOPED[name])
        if key.referred_table.name in SCOPED.keys() - tenants and "workspace_id" not in key.column_keys
    ]
    assert loose == []


def test_what_becomes_of_a_row_is_decided_for_every_key() -> None:
    undecided = [
        (table.name, key.referred_table.name)
        for table in METADATA.tables.values()
        for key in keys(table)
        if key.ondelete not in ("CASCADE", "RESTRICT", "SET NULL")
    ]
    assert undecided == [("runs", "runs")], "docs/workspaces.md says which of them is left to fail, and why"


@pytest.mark.parametrize("name", ROOTS)
async def test_a_row_in_a_foreign_project_is_refused(db: Database, scope: Scope, name: str) -> None:
    other = await db.write(new_scope)
    mixed = {"workspace_id": scope.workspace_id, "project_id": other.project_id}

    def mix(tx: Tx) -> None:
        tx.write(sa.insert(ROOTS[name]), {**filled(ROOTS[name]), **mixed})

    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)foreign key"):
        await db.write(mix)


def filled(table: sa.Table) -> dict[str, object]:
    """A value for every column that needs one."""
    row: dict[str, object] = {}
    for column in table.columns:
        if column.nullable or (column.autoincrement is True):
            continue
        match column.type.python_type if not isinstance(column.type, sa.TypeDecorator) else None:
            case kind if kind is str:
                row[column.name] = new_id()
            case kind if kind in (int, float, bool):
                row[column.name] = 0
            case _ if isinstance(column.type, sa.LargeBinary):
                row[column.name] = b""
            case _:
                row[column.name] = now() if "datetime" in str(column.type).lower() else {}
    return row
