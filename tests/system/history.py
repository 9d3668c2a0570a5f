"""A database with a long history, made by SQLite itself: a million rows of it in seconds."""

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from folkmoot.db.bulk import Kind, kind_of
from folkmoot.migrations.metadata import METADATA

WORKSPACE, PROJECT = "01940000-0000-7000-8000-000000000001", "01940000-0000-7000-8000-000000000002"
_AT = "strftime('%Y-%m-%d %H:%M:%f789', 1735689600 + n / 7.0, 'unixepoch')"
_IN_PROJECT = {"workspace_id": f"'{WORKSPACE}'", "project_id": f"'{PROJECT}'"}


def _id(number: str, kind: int) -> str:
    """An id whose order is that of the numbers."""
    return f"printf('0194%04x-%04x-7000-8000-%012x', ({number}) / 65536, ({number}) % 65536, {kind})"


def _nothing(column: "sa.Column[object]") -> str:
    """What a column holds of which the history says nothing."""
    if column.nullable:
        return "null"
    if kind_of(column) is Kind.TIME:
        return _AT
    return "'{}'" if isinstance(column.type, sa.TypeDecorator | sa.Text) else "0"


def _insert(table: str, /, **values: str) -> str:
    """For the numbers n from 0 to before the parameter."""
    columns = METADATA.tables[table].columns
    assert values.keys() <= set(columns.keys()), table
    names = ", ".join(f'"{column.name}"' for column in columns)
    chosen = ", ".join(values.get(column.name, _nothing(column)) for column in columns)
    return (
        "with recursive numbers(n) as (select 0 union all select n + 1 from numbers where n < ? - 1) "
        f"insert into {table} ({names}) select {chosen} from numbers"
    )


_CHILD = _id("n - n % 4 + (n + 1) % 4", 6)  # of a run that may come later
_STATEMENTS = {
    "workspaces": _insert("workspaces", id=f"'{WORKSPACE}'", slug="'long'", name="'Long'", status="'active'"),
    "projects": _insert("projects", id=f"'{PROJECT}'", workspace_id=f"'{WORKSPACE}'", slug="'default'", name="''"),
    "event_heads": _insert("event_heads", workspace_id=f"'{WORKSPACE}'", oldest="1"),
    "conversations": _insert("conversations", id=_id("n", 3), kind="'direct'", title="'Talk ' || n", **_IN_PROJECT),
    "messages": _insert(
        "messages",
        id=_id("n", 4),
        conversation_id=_id("n / 1000", 3),
        seq="n % 1000 + 1",
        author_kind="iif(n % 2, 'agent', 'user')",
        direction="iif(n % 2, 'outbound', 'inbound')",
        author_id=_id("n % 7", 5),
        text="'Message ' || n || ' says: grüße 🎲 ' || hex(randomblob(40 + n % 60))",
        payload="iif(n % 5, null, '{\"z\": ' || n || ', \"a\": [1.50, true, null]}')",
        models="'[]'",
        run_id=f"iif(n % 2, {_id('n / 10', 6)}, null)",
    ),
    "events": _insert(
        "events",
        workspace_id=f"'{WORKSPACE}'",
        seq="n + 1",
        type="'agent_message'",
        agent_id=f"iif(n % 3, {_id('n % 7', 5)}, null)",
        data=f"'{{\"message_id\": \"' || {_id('n', 4)} || '\"}}'",
    ),
    "runs": _insert(
        "runs",
        id=_id("n", 6),
        kind="'reply'",
        root_run_id=_id("n - n % 4", 6),
        parent_run_id=f"iif(n % 4, {_CHILD}, null)",
        title="'Run ' || n",
        status="iif(n % 50, 'completed', 'running')",
        holds_slot="n % 50 = 0",
        cost="n * 1000000007",
        **_IN_PROJECT,
    ),
    "run_journal": _insert(
        "run_journal",
        run_id=_id("n / 2", 6),
        seq="n % 2 + 1",
        kind="iif(n % 2, 'done', 'begun')",
        key="iif(n % 2, 'turn', '')",
        data="'{\"value\": \"' || hex(randomblob(30)) || '\"}'",
    ),
}


def write_history(path: Path, messages: int) -> int:
    """Into a migrated file: so many messages, as many events, a tenth of runs, some under way; answers all rows."""
    runs = messages // 40 * 4
    rows = {"workspaces": 1, "projects": 1, "event_heads": 1, "conversations": messages // 1000 + 1}
    rows |= {"messages": messages, "events": messages, "runs": runs, "run_journal": 2 * runs}
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("pragma synchronous = off")
        connection.execute("begin")
        for table, count in rows.items():
            connection.execute(_STATEMENTS[table], (count,))
        connection.execute("commit")
        assert connection.execute("pragma foreign_key_check").fetchone() is None
    return sum(rows.values())
