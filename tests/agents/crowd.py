"""Many agents in a workspace, with messages behind them, put in by the database itself."""

import sqlalchemy as sa

from folkmoot.agents.queries import get_definition
from folkmoot.agents.tables import AgentInstance
from folkmoot.conversations.tables import Conversation
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope

BATCH = 5000
"""Rows of one unit; ids rise with numbers."""


async def crowd(db: Database, scope: Scope, agents: int, messages_each: int = 0, first: int = 4) -> None:
    """Agents from number `first` on of the definition `assistant`, each with a conversation of so many messages."""
    ids = [(number, new_id(), new_id()) for number in range(first, agents + first)]
    for start in range(0, agents, BATCH):
        await db.write(_hire, scope, ids[start : start + BATCH])
    each = max(1, BATCH // max(messages_each, 1))
    for start in range(0, agents if messages_each else 0, each):
        await db.write(_say, ids[start : start + each], messages_each)


def _hire(tx: Tx, scope: Scope, ids: list[tuple[int, str, str]]) -> None:
    definition = get_definition(tx, scope, id=None, slug="assistant")
    at = now()
    here = {"workspace_id": scope.workspace_id, "project_id": scope.project_id, "created_at": at, "updated_at": at}
    blank = {**dict.fromkeys(AgentInstance.__table__.columns.keys()), **here, "config": {}, "state": {}, "origin": {}}
    zero = dict.fromkeys(("running_runs", "task_count", "success_count", "error_count", "busy_milliseconds"), 0)
    made = {**blank, **zero, "definition_id": definition.id, "status": "active"}
    rows = [{**made, "id": id, "number": number, "slug": f"a-{number}", "name": "A"} for number, id, _ in ids]
    tx.write(sa.insert(AgentInstance), rows)
    talk = {**here, "kind": "direct", "title": "t", "last_seq": 0, "is_standing": False}
    tx.write(sa.insert(Conversation), [{**talk, "id": own, "agent_id": id} for _, id, own in ids])


def _say(tx: Tx, ids: list[tuple[int, str, str]], messages_each: int) -> None:
    """The database makes the rows: a million of them in tens of seconds."""
    tx.write(
        sa.text(
            "with recursive numbers(seq) as (select 1 union all select seq + 1 from numbers where seq < :each) "
            "insert into messages (id, conversation_id, seq, agent_id, author_kind, author_id, direction, text, models,"
            " created_at, updated_at) "
            "select substr(c.id, 1, 30) || (100000 + seq), c.id, seq, c.agent_id, 'user', 'u', 'inbound', 'Hello',"
            " '[]', c.created_at, c.created_at from conversations c cross join numbers "
            "where c.agent_id between :first and :last"
        ),
        {"each": messages_each, "first": ids[0][1], "last": ids[-1][1]},
    )
