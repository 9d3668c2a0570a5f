"""The full-text objects of both databases, which metadata cannot describe: the migrations run them as is.

Both stem English and take every character that is not a letter or digit for a space, so that the same
question finds the same words on SQLite and on PostgreSQL.
"""

_PUNCTUATION = "!\"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~"  # '' is one quote inside an SQL string
_SPACES = " " * (len(_PUNCTUATION) - 1)

CREATE: dict[str, tuple[str, ...]] = {
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
    # PostgreSQL's parser would keep `engine.lock` or `a/b` as one word that no question asks for.
    "postgresql": (
        "alter table chunks add column text_words tsvector generated always as "
        f"(to_tsvector('pg_catalog.english', translate(text, '{_PUNCTUATION}', '{_SPACES}'))) stored",
        "create index ix_chunks_text_words on chunks using gin (text_words)",
    ),
}

DROP: dict[str, tuple[str, ...]] = {
    "sqlite": (
        "drop trigger chunks_fts_update",
        "drop trigger chunks_fts_delete",
        "drop trigger chunks_fts_insert",
        "drop table chunks_fts",
    ),
    "postgresql": (
        "drop index ix_chunks_text_words",
        "alter table chunks drop column text_words",
    ),
}

# What a comparison of a database with the metadata has to pass over.
OBJECTS = frozenset(
    {
        "chunks_fts",
        "chunks_fts_config",
        "chunks_fts_data",
        "chunks_fts_docsize",
        "chunks_fts_idx",
        "text_words",
        "ix_chunks_text_words",
    }
)
