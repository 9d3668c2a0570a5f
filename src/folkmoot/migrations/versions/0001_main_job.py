"""The tables of the first release: workspaces, agents, conversations, knowledge, tasks, runs, usage, events."""

from typing import TypeVar

import sqlalchemy as sa
from alembic import op

T = TypeVar("T")

revision = "0001"
down_revision = None

ID, WORD, NAME, TEXT = sa.String(36), sa.String(64), sa.String(255), sa.Text()
INTEGER, TIME = sa.BigInteger(), sa.DateTime(timezone=True)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# English stems on both databases; every character that is no letter or digit is a space, because PostgreSQL's
# parser would keep `engine.lock` or `a/b` as one word that no question asks for.
_PUNCTUATION = "!\"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~"  # '' is one quote inside an SQL string
_SPACES = " " * (len(_PUNCTUATION) - 1)

FULL_TEXT = {
    "sqlite": (
        "create virtual table chunks_fts using fts5("
        "text, content='chunks', content_rowid='number', tokenize='porter unicode61 remove_diacritics 2')",
        "create trigger chunks_fts_insert after insert on chunks begin "
        "insert into chunks_fts(rowid, text) values (new.number, new.text); end",
        "create trigger chunks_fts_delete after delete on chunks begin "
        "insert into chunks_fts(chunks_fts, rowid, text) values ('delete', old.number, old.text); end",
        "create trigger chunks_fts_update after update of text on chunks begin "
        "insert into chunks_fts(chunks_fts, rowid, text) values ('delete', old.number, old.text); "
        "insert into chunks_fts(rowid, text) values (new.number, new.text); end",
    ),
    "postgresql": (
        "alter table chunks add column text_words tsvector generated always as "
        f"(to_tsvector('pg_catalog.english', translate(text, '{_PUNCTUATION}', '{_SPACES}'))) stored",
        "create index ix_chunks_text_words on chunks using gin (text_words)",
    ),
}
NO_FULL_TEXT = {
    "sqlite": ("drop table chunks_fts",),
    "postgresql": (),
}


def upgrade() -> None:
    for make in TABLES.values():
        make()
    for statement in FULL_TEXT[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    for statement in NO_FULL_TEXT[op.get_bind().dialect.name]:
        op.execute(statement)
    for table in reversed(TABLES):
        op.drop_table(table)


def _columns(kind: "sa.types.TypeEngine[T]", names: str) -> list["sa.Column[T]"]:
    """A name that ends in a question mark may be null."""
    return [sa.Column(name.rstrip("?"), kind, nullable=name.endswith("?")) for name in names.split()]


def _in_project() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace_id", "project_id"], ["projects.workspace_id", "projects.id"], ondelete="CASCADE"
    )


def _indexes(table: str, *indexes: str) -> None:
    for columns in map(str.split, indexes):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _event_heads() -> None:
    op.create_table(
        "event_heads",
        *_columns(ID, "workspace_id"),
        *_columns(INTEGER, "seq oldest"),
        sa.PrimaryKeyConstraint("workspace_id"),
    )


def _events() -> None:
    op.create_table(
        "events",
        *_columns(ID, "workspace_id agent_id? task_id? run_id? room_id? debate_id?"),
        *_columns(INTEGER, "seq run_seq?"),
        *_columns(WORD, "type"),
        *_columns(TEXT, "data"),
        *_columns(TIME, "at"),
        sa.PrimaryKeyConstraint("workspace_id", "seq"),
    )
    _partial_index("ix_events_agent_id", "events", ["workspace_id", "agent_id", "seq"], "agent_id is not null")
    _partial_index("ix_events_debate_id", "events", ["workspace_id", "debate_id", "seq"], "debate_id is not null")
    _partial_index("ix_events_room_id", "events", ["workspace_id", "room_id", "seq"], "room_id is not null")
    _partial_index("ix_events_run_id", "events", ["workspace_id", "run_id", "seq"], "run_id is not null")
    _partial_index("ix_events_task_id", "events", ["workspace_id", "task_id", "seq"], "task_id is not null")


def _workspaces() -> None:
    op.create_table(
        "workspaces",
        *_columns(ID, "id"),
        *_columns(WORD, "slug status"),
        *_columns(NAME, "name"),
        *_columns(TEXT, "meta_data settings"),
        *_columns(TIME, "created_at updated_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slug"),
    )


def _agent_definitions() -> None:
    op.create_table(
        "agent_definitions",
        *_columns(ID, "id workspace_id?"),
        *_columns(NAME, "name slug"),
        *_columns(sa.String(100), "agent_type"),
        *_columns(TEXT, "description capabilities config_schema meta_data"),
        *_columns(sa.Boolean(), "is_enabled"),
        *_columns(TIME, "created_at updated_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "slug"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
    )
    _indexes("agent_definitions", "agent_type", "is_enabled", "name", "slug")
    _partial_index("uq_agent_definitions_slug", "agent_definitions", ["slug"], "workspace_id is null", unique=True)


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        *_columns(ID, "workspace_id run_id?"),
        *_columns(NAME, "actor key route"),
        *_columns(WORD, "body_hash"),
        *_columns(TIME, "expires_at"),
        sa.PrimaryKeyConstraint("workspace_id", "actor", "key"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
    )
    _indexes("idempotency_keys", "expires_at")


def _projects() -> None:
    op.create_table(
        "projects",
        *_columns(ID, "id workspace_id"),
        *_columns(WORD, "slug"),
        *_columns(NAME, "name"),
        *_columns(TEXT, "meta_data"),
        *_columns(TIME, "created_at updated_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.UniqueConstraint("workspace_id", "slug"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
    )


def _run_slots() -> None:
    op.create_table(
        "run_slots",
        *_columns(ID, "workspace_id"),
        *_columns(INTEGER, "live cap"),
        sa.PrimaryKeyConstraint("workspace_id"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
    )


def _agent_instances() -> None:
    op.create_table(
        "agent_instances",
        *_columns(ID, "id workspace_id project_id definition_id host_id?"),
        *_columns(INTEGER, "number running_runs task_count success_count error_count busy_milliseconds"),
        *_columns(WORD, "slug status"),
        *_columns(NAME, "name role?"),
        *_columns(TEXT, "config state origin last_error?"),
        *_columns(TIME, "last_heartbeat? ttl_at? last_active_at? created_at updated_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.UniqueConstraint("workspace_id", "number"),
        sa.UniqueConstraint("workspace_id", "slug"),
        sa.ForeignKeyConstraint(["definition_id"], ["agent_definitions.id"], ondelete="RESTRICT"),
        _in_project(),
    )
    _indexes("agent_instances", "definition_id", "project_id", "status", "workspace_id", "workspace_id project_id")


def _documents() -> None:
    op.create_table(
        "documents",
        *_columns(ID, "id workspace_id project_id"),
        *_columns(NAME, "title"),
        *_columns(WORD, "sha256 media_type status"),
        *_columns(TEXT, "tags"),
        *_columns(INTEGER, "size"),
        *_columns(TIME, "created_at updated_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "project_id", "sha256"),
        _in_project(),
    )
    _indexes("documents", "workspace_id id")


def _runs() -> None:
    op.create_table(
        "runs",
        *_columns(
            ID,
            "id workspace_id project_id task_id? conversation_id? room_id? parent_run_id? root_run_id retry_of? owner?",
        ),
        *_columns(WORD, "kind status waiting_for? stop_reason? error_code?"),
        *_columns(
            INTEGER,
            "version run_number? priority epoch journal_seq event_seq "
            "deadline_left_seconds? input_tokens output_tokens cost? model_calls "
            "round_count",
        ),
        *_columns(TEXT, "title input result? error_message? plan? meta_data"),
        *_columns(TIME, "wake_at? deadline_at? started_at? completed_at? created_at updated_at"),
        *_columns(sa.Boolean(), "is_resumed is_pausing holds_slot"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task_id", "run_number"),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.ForeignKeyConstraint(["workspace_id", "parent_run_id"], ["runs.workspace_id", "runs.id"]),
        _in_project(),
    )
    _indexes("runs", "conversation_id id", "parent_run_id", "status wake_at", "workspace_id status priority created_at")


def _tasks() -> None:
    op.create_table(
        "tasks",
        *_columns(ID, "id workspace_id project_id"),
        *_columns(NAME, "name"),
        *_columns(TEXT, "description config budget? last_error?"),
        *_columns(WORD, "team priority status"),
        *_columns(
            INTEGER,
            "max_rounds max_revision_rounds memory_size total_runs successful_runs failed_runs",
        ),
        *_columns(TIME, "last_run_at? created_at updated_at"),
        *_columns(sa.Float(), "last_run_duration?"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "id"),
        _in_project(),
    )
    _indexes("tasks", "workspace_id status id")


def _usage_records() -> None:
    op.create_table(
        "usage_records",
        *_columns(ID, "id workspace_id project_id run_id? agent_id?"),
        *_columns(WORD, "provider kind"),
        *_columns(NAME, "model"),
        *_columns(INTEGER, "input_tokens output_tokens cached_tokens cost? latency_milliseconds"),
        *_columns(sa.Boolean(), "is_estimated"),
        *_columns(TIME, "at"),
        sa.PrimaryKeyConstraint("id"),
        _in_project(),
    )
    _indexes("usage_records", "run_id", "workspace_id at")


def _artifacts() -> None:
    op.create_table(
        "artifacts",
        *_columns(ID, "id run_id"),
        *_columns(NAME, "name"),
        *_columns(INTEGER, "version size"),
        *_columns(WORD, "media_type sha256"),
        *_columns(TEXT, "body"),
        *_columns(TIME, "created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "name", "version"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    )


def _chunks() -> None:
    op.create_table(
        "chunks",
        *_columns(SERIAL, "number"),
        *_columns(ID, "id document_id"),
        *_columns(INTEGER, "seq start end"),
        *_columns(TEXT, "text"),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("document_id", "seq"),
        sa.UniqueConstraint("id"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
    )


def _conversations() -> None:
    op.create_table(
        "conversations",
        *_columns(ID, "id workspace_id project_id agent_id? user_id? live_run_id?"),
        *_columns(WORD, "kind"),
        *_columns(NAME, "title"),
        *_columns(INTEGER, "last_seq"),
        *_columns(sa.Boolean(), "is_standing"),
        *_columns(TIME, "created_at updated_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "agent_id"], ["agent_instances.workspace_id", "agent_instances.id"], ondelete="CASCADE"
        ),
        _in_project(),
    )
    _indexes("conversations", "workspace_id updated_at")
    _partial_index("uq_conversations_standing", "conversations", ["agent_id", "user_id"], "is_standing", unique=True)


def _run_agents() -> None:
    op.create_table(
        "run_agents",
        *_columns(ID, "run_id agent_id"),
        *_columns(WORD, "role"),
        sa.PrimaryKeyConstraint("run_id", "agent_id"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    )
    _indexes("run_agents", "agent_id run_id")


def _run_journal() -> None:
    op.create_table(
        "run_journal",
        *_columns(ID, "run_id"),
        *_columns(INTEGER, "seq"),
        *_columns(WORD, "kind"),
        *_columns(NAME, "key"),
        *_columns(TEXT, "data"),
        *_columns(TIME, "at"),
        sa.PrimaryKeyConstraint("run_id", "seq"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    )
    _partial_index("uq_run_journal_done", "run_journal", ["run_id", "key"], "kind = 'done'", unique=True)


def _messages() -> None:
    op.create_table(
        "messages",
        *_columns(ID, "id conversation_id agent_id? author_id task_id? run_id? reply_to?"),
        *_columns(INTEGER, "seq"),
        *_columns(WORD, "author_kind direction"),
        *_columns(TEXT, "text payload? models"),
        *_columns(NAME, "correlation_id?"),
        *_columns(TIME, "acked_at? edited_at? deleted_at? created_at updated_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("conversation_id", "seq"),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], ondelete="CASCADE"),
    )
    _indexes("messages", "agent_id correlation_id", "agent_id id")


TABLES = {
    "event_heads": _event_heads,
    "events": _events,
    "workspaces": _workspaces,
    "agent_definitions": _agent_definitions,
    "idempotency_keys": _idempotency_keys,
    "projects": _projects,
    "run_slots": _run_slots,
    "agent_instances": _agent_instances,
    "documents": _documents,
    "runs": _runs,
    "tasks": _tasks,
    "usage_records": _usage_records,
    "artifacts": _artifacts,
    "chunks": _chunks,
    "conversations": _conversations,
    "run_agents": _run_agents,
    "run_journal": _run_journal,
    "messages": _messages,
}
