"""Writing the log: the last act of every unit that has something to say."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event, EventHead
from folkmoot.kernel.facts import NAMES, REFERENCES, Emission, Fact
from folkmoot.kernel.json import Json, JsonObject, dumps

DATA_BYTES = 16_384
_CUT_CHARACTERS = 512
_UTF8_BYTES = 4
"""At most, of one character."""

_BUMP = (
    sa.update(EventHead)
    .where(EventHead.workspace_id == sa.bindparam("workspace"))
    .values(seq=EventHead.seq + sa.bindparam("number"))
    .returning(EventHead.seq)
)
# The text that was measured is what is stored: the column's own type would write it a second time.
_INSERT = sa.insert(Event).values(data=sa.bindparam("data_text", type_=sa.Text()))


def store(tx: Tx, emissions: Sequence[Emission]) -> None:
    """Number the facts and insert them, in one order per workspace; hung in as the last step before a commit."""
    at = tx.at
    for workspace_id in sorted({emission.workspace_id for emission in emissions}):
        mine = [emission for emission in emissions if emission.workspace_id == workspace_id]
        head = tx.write_returning(EventHead, _BUMP, workspace=workspace_id, number=len(mine))
        if head is None:
            raise LookupError(f"workspace {workspace_id} has no event head")
        tx.write(_INSERT, list(_rows(workspace_id, head.seq - len(mine) + 1, mine, at)))


def _rows(workspace_id: str, first: int, emissions: list[Emission], at: datetime) -> Iterable[dict[str, object]]:
    for seq, emission in enumerate(emissions, first):
        row: dict[str, object] = dict.fromkeys(REFERENCES)
        row.update(emission.references)
        row.update(
            workspace_id=workspace_id,
            seq=seq,
            type=emission.fact.type,
            run_seq=emission.run_seq,
            data_text=bounded(data_of(emission.fact)),
            at=at,
        )
        yield row


def data_of(fact: Fact) -> JsonObject:
    """The fact's own fields, without those that are references."""
    return {name: getattr(fact, name) for name in NAMES[type(fact)].data}


def bounded(data: JsonObject) -> str:
    """As JSON of at most 16 KB: past that, longer strings are cut and the data says `truncated: true`.

    Where that is not enough, what has members of its own is left out, so that a status is still told.
    """
    if _fits(text := dumps(data)):
        return text
    plain = {name: value for name, value in data.items() if not isinstance(value, dict | list)}
    for kept, length in ((data, _CUT_CHARACTERS), (data, 64), (plain, 64)):
        text = dumps({name: _cut(value, length) for name, value in kept.items()} | {"truncated": True})
        if _fits(text):
            return text
    return dumps({"truncated": True})


def _fits(text: str) -> bool:
    return len(text) * _UTF8_BYTES <= DATA_BYTES or len(text.encode()) <= DATA_BYTES


def _cut(value: Json, length: int) -> Json:
    match value:
        case str():
            return value[:length]
        case list():
            return [_cut(item, length) for item in value]
        case dict():
            return {key: _cut(item, length) for key, item in value.items()}
        case _:
            return value


def make_head(tx: Tx, workspace_id: str) -> None:
    """A new workspace's log, empty."""
    tx.write(sa.insert(EventHead), {"workspace_id": workspace_id, "seq": 0, "oldest": 1})
