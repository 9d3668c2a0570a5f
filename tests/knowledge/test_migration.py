"""Passages survive the revision that lets documents belong to rooms, both ways: SQLite makes the table anew for it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from folkmoot.migrations import upgrade as migrations
from tests.databases import postgres_database

pytestmark = pytest.mark.system

_BEFORE = (
    "insert into workspaces (id, slug, name, meta_data, created_at, updated_at, status, settings)"
    " values ('w', 'w', 'n', '{}', '2026-01-01', '2026-01-01', 'active', '{}')",
    "insert into projects (id, workspace_id, slug, name, meta_data, created_at, updated_at)"
    " values ('p', 'w', 'p', 'n', '{}', '2026-01-01', '2026-01-01')",
    "insert into documents (id, workspace_id, project_id, title, sha256, media_type, status, tags, size, first_seq,"
    " passages, staged_first, source, created_at, updated_at)"
    " values ('d', 'w', 'p', 't', 'hash', 'text/plain', 'ready', '[]', 5, 0, 1, 0, 's', '2026-01-01', '2026-01-01')",
    "insert into chunks (id, document_id, seq, text, start, \"end\") values ('c', 'd', 0, 'zebra', 0, 5)",
    "insert into chunk_vectors (chunk_id, model, document_id, seq, vector) values ('c', 'm', 'd', 0, '1234')",
)
_OF_ROOM = (
    "insert into documents (id, workspace_id, project_id, room_id, title, sha256, media_type, status, tags, size,"
    " first_seq, passages, staged_first, source, created_at, updated_at) values ('e', 'w', 'p', 'r', 't', 'hash',"
    " 'text/plain', 'ready', '[]', 5, 0, 1, 0, 's', '2026-01-01', '2026-01-01')",
    "insert into chunks (id, document_id, seq, text, start, \"end\") values ('f', 'e', 0, 'zebra', 0, 5)",
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/folkmoot.db"
    else:
        server = request.getfixturevalue("postgres_server")
        with postgres_database(server, f"folkmoot_test_{os.getpid()}_passages") as made:
            yield made


def do(url: str, *statements: str) -> None:
    def run(connection: sa.Connection) -> None:
        for statement in statements:
            connection.execute(sa.text(statement))
        connection.commit()

    migrations.connected(url, run)


def ids(url: str, table: str, column: str = "id") -> list[str]:
    def run(connection: sa.Connection) -> list[str]:
        return sorted(connection.scalars(sa.select(sa.column(column)).select_from(sa.table(table))))

    return migrations.connected(url, run)


def test_passages_stay(url: str) -> None:
    migrations.upgrade_to(url, "0016")
    do(url, *_BEFORE)
    migrations.upgrade_to(url, "0017")
    assert (ids(url, "documents"), ids(url, "chunks"), ids(url, "chunk_vectors", "chunk_id")) == (["d"], ["c"], ["c"])
    do(url, *_OF_ROOM)
    with pytest.raises(sa.exc.IntegrityError):
        do(url, _OF_ROOM[0].replace("'e'", "'g'"))
    with pytest.raises(sa.exc.IntegrityError):
        do(url, _BEFORE[2].replace("'d'", "'g'"))
    migrations.downgrade(url, "0016")
    assert (ids(url, "documents"), ids(url, "chunks"), ids(url, "chunk_vectors", "chunk_id")) == (["d"], ["c"], ["c"])
    with pytest.raises(sa.exc.IntegrityError):
        do(url, _BEFORE[2].replace("'d'", "'g'"))
    do(url, "pragma foreign_keys = on" if url.startswith("sqlite") else "select 1", "delete from documents")
    assert ids(url, "chunks") == []
