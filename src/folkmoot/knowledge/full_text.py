"""What a question is to either database: FTS5's syntax on SQLite, ranks weighted as BM25 weights them on PostgreSQL.

A table that is searched has a `number` and a `text`; its index is called `{table}_fts` on SQLite, and on PostgreSQL it
is a column `text_words` of the table.
"""

from collections.abc import Sequence
from functools import cache

import sqlalchemy as sa

from folkmoot.db.tx import Tx

CANDIDATES = 20_000
"""Rows that are ranked for one question of several words, about: ranking costs a microsecond each."""

_COUNT = "select count(*) from {table}_fts where {table}_fts match :question"

# ts_rank knows nothing of rare words, and a question in natural language is mostly common ones: so each word
# is ranked alone (ts_rank grows with its occurrences towards a bound) and weighted as BM25 weights it. Every row adds
# its words up in the same order, so that equals are equal to the last digit.
_SCORED = """
with words as (
    select distinct to_tsquery('pg_catalog.english', quote_literal(word)) as query
    from unnest(cast(:words as text[])) as word
),
counted as materialized (
    select query, (select count(*) from {table} {where} and {table}.text_words @@ words.query) as found
    from words
    where numnode(query) > 0
),
summed as materialized (
    select query, found, sum(found) over (order by found, query) as upto
    from counted
),
rare as materialized (
    select cast(string_agg(cast(query as text), ' | ') as tsquery) as query
    from summed
    where upto <= cast(:candidates as bigint) or upto = found
),
size as ({size}),
weights as materialized (
    select query, cast(ln(1 + (size.number - found + 0.5) / (found + 0.5)) * 10 as double precision) as weight
    from summed cross join size
),
scored as materialized (
    select {table}.number, (
        select sum(ts_rank({table}.text_words, weights.query) * weights.weight)
        from weights
        where {table}.text_words @@ weights.query
    ) as score
    from rare
    join {table} on {table}.text_words @@ rare.query
    {where}
){rest}
"""


def scored(table: str, where: str, size: str, rest: str) -> str:
    """A statement for PostgreSQL, whose `rest` finds in `scored` the number and score of what holds `asked_for` words.

    `where` follows the table with what it is joined with, `size` selects as `number` how many rows it chooses from.
    """
    return _SCORED.format(table=table, where=where, size=size, rest=rest)


def asked_for(words: list[str]) -> dict[str, object]:
    """What PostgreSQL is asked: rows as `match_of` asks FTS5 for them, the counting included."""
    return {"words": words, "candidates": CANDIDATES}


def match_of(tx: Tx, table: str, words: list[str]) -> str:
    """What FTS5 is asked: rows with any of the words; where those are too many, with any of the rarest of them.

    Commoner words still count in the rank of a row that has a rare one.
    """
    if len(words) == 1:
        return any_of("sqlite", words)
    count = _counting(table)
    counted = sorted((int(tx.scalar(count, question=any_of("sqlite", [word]))), word) for word in words)
    chosen, rare = 0, list[str]()
    for found, word in counted:
        if chosen and chosen + found > CANDIDATES:
            break
        chosen += found
        rare.append(word)
    anyone = any_of("sqlite", words)
    return anyone if len(rare) == len(words) else f"({any_of('sqlite', rare)}) AND ({anyone})"


def any_of(dialect: str, words: Sequence[str]) -> str:
    """What holds any of the words, as FTS5 is asked or `to_tsquery`; there are only letters and digits in one."""
    if dialect == "sqlite":
        return " OR ".join(f'"{word}"' for word in words)
    return " | ".join(f"'{word}'" for word in words)


@cache
def _counting(table: str) -> sa.TextClause:
    return sa.text(_COUNT.format(table=table))
