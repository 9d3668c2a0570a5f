"""What was said in rooms, for the search: its text and each database's index of its words."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# As in 0001: English stems on both databases, and every character that is no letter or digit is a space.
_PUNCTUATION = "!\"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~"  # '' is one quote inside an SQL string
_SPACES = " " * (len(_PUNCTUATION) - 1)
_FULL_TEXT = {
    "sqlite": (
        "create virtual table room_texts_fts using fts5("
        "text, content='room_texts', content_rowid='number', tokenize='porter unicode61 remove_diacritics 2')",
        "create trigger room_texts_fts_insert after insert on room_texts begin "
        "insert into room_texts_fts(rowid, text) values (new.number, new.text); end",
        "create trigger room_texts_fts_delete after delete on room_texts begin "
        "insert into room_texts_fts(room_texts_fts, rowid, text) values ('delete', old.number, old.text); end",
        "create trigger room_texts_fts_update after update of text on room_texts begin "
        "insert into room_texts_fts(room_texts_fts, rowid, text) values ('delete', old.number, old.text); "
        "insert into room_texts_fts(rowid, text) values (new.number, new.text); end",
    ),
    "postgresql": (
        "alter table room_texts add column text_words tsvector generated always as "
        f"(to_tsvector('pg_catalog.english', translate(text, '{_PUNCTUATION}', '{_SPACES}'))) stored",
        "create index ix_room_texts_text_words on room_texts using gin (text_words)",
    ),
}
_NO_FULL_TEXT = {"sqlite": ("drop table room_texts_fts",), "postgresql": ()}
_SAID = """
insert into room_texts (message_id, room_id, text)
select messages.id, rooms.id, substr(messages.text, 1, 100000)
from messages
join rooms on rooms.id = messages.conversation_id
where messages.author_kind in ('user', 'agent') and messages.deleted_at is null
order by messages.id
"""


def upgrade() -> None:
    op.create_table(
        "room_texts",
        sa.Column("number", _SERIAL, autoincrement=True, nullable=False),
        *(sa.Column(name, sa.String(36), nullable=False) for name in ("message_id", "room_id")),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_room_texts"),
        sa.UniqueConstraint("message_id", name="uq_room_texts_message_id"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_room_texts_message_id_messages", ondelete="CASCADE"
        ),
    )
    for statement in _FULL_TEXT[op.get_bind().dialect.name]:
        op.execute(statement)
    op.execute(_SAID)


def downgrade() -> None:
    for statement in _NO_FULL_TEXT[op.get_bind().dialect.name]:
        op.execute(statement)
    op.drop_table("room_texts")
