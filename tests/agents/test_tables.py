"""The tables are those the source documents list, read off the database itself."""

from dataclasses import dataclass
from functools import partial

import pytest
import sqlalchemy as sa

from folkmoot.migrations.upgrade import connected

# Seed 002, "Database Schema": every column with its marks, then what stands below it.
SEED = {
    "agent_definitions": """
        id (PK): String(36)
        name: String(255) - indexed
        slug: String(255) - unique, indexed
        agent_type: String(100) - indexed
        description: Text
        capabilities: JSON (list)
        config_schema: JSON
        meta_data: JSON
        is_enabled: Boolean - indexed
        created_at, updated_at: DateTime
    """,
    "agent_instances": """
        id (PK): String(36)
        workspace_id (FK): String(36) - indexed
        project_id: String(36) - indexed
        definition_id (FK): String(36) - indexed
        name: String(255)
        status: Enum(AgentStatus) - indexed
        config: JSON
        state: JSON
        last_heartbeat: DateTime
        last_error: Text
        created_at, updated_at: DateTime
        -- Composite FK to (workspace_id, project_id) in projects table
        -- Composite index on (workspace_id, project_id)
    """,
}
# JSON is kept as the text it was written as, and an enum as its word, so that both databases answer the same.
TYPES = {
    "JSON": "TEXT",
    "JSON (list)": "TEXT",
    "Text": "TEXT",
    "Boolean": "BOOLEAN",
    "Enum(AgentStatus)": "VARCHAR(64)",
}
ADDED = {
    "agent_definitions": {"workspace_id", "is_hosted", "class_gone_at"},
    "agent_instances": {
        *("number", "slug", "role", "host_id", "ttl_at", "origin", "last_active_at", "running_runs"),
        *("task_count", "success_count", "error_count", "busy_milliseconds", "own_description", "own_capabilities"),
    },
}


Names = tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """Columns with their types, what is indexed, what is unique, and the foreign keys."""

    columns: dict[str, str]
    indexed: set[Names]
    unique: set[Names]
    keys: list[tuple[Names, str, Names]]


def shape(table: str, connection: sa.Connection) -> Shape:
    seen = sa.inspect(connection)
    indexes = seen.get_indexes(table)
    indexed = {tuple(filter(None, index["column_names"])) for index in indexes}
    unique = {tuple(constraint["column_names"]) for constraint in seen.get_unique_constraints(table)}
    unique |= {tuple(filter(None, index["column_names"])) for index in indexes if index["unique"]}
    unique.add(tuple(seen.get_pk_constraint(table)["constrained_columns"]))
    return Shape(
        columns={column["name"]: str(column["type"]) for column in seen.get_columns(table)},
        indexed=indexed | unique,
        unique=unique,
        keys=[
            (tuple(key["constrained_columns"]), key["referred_table"], tuple(key["referred_columns"]))
            for key in seen.get_foreign_keys(table)
        ],
    )


@pytest.mark.parametrize("table", SEED)
def test_all_of_the_seed_is_there(database_url: str, table: str) -> None:
    found = connected(database_url, partial(shape, table))
    listed = set()
    for line in filter(None, map(str.strip, SEED[table].splitlines())):
        if line.startswith("--"):
            names = ("workspace_id", "project_id")
            if "FK" in line:
                assert (names, "projects", ("workspace_id", "id")) in found.keys
            else:
                assert names in found.indexed
            continue
        head, _, rest = line.partition(": ")
        kind, _, marks = rest.partition(" - ")
        for name in head.replace(" (PK)", "").replace(" (FK)", "").split(", "):
            listed.add(name)
            assert found.columns[name].startswith(("DATETIME", "TIMESTAMP") if kind == "DateTime" else _type(kind)), (
                name
            )
            assert "(PK)" not in head or (name,) in found.unique
            assert "(FK)" not in head or any(name in key[0] for key in found.keys), name
            assert "indexed" not in marks or (name,) in found.indexed, name
            assert "unique" not in marks or (name,) in found.unique, name
    assert found.columns.keys() - listed == ADDED[table]


def _type(kind: str) -> str:
    return TYPES.get(kind) or kind.replace("String", "VARCHAR")
