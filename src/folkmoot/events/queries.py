"""Every SELECT on the log."""

from typing import Any

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.events.rules import EVERYTHING, AnyOf, Selection
from folkmoot.events.tables import Event, EventHead
from folkmoot.kernel.facts import REFERENCES

_HEAD = sa.select(EventHead.__table__).where(EventHead.workspace_id == sa.bindparam("workspace"))
_HEADS = sa.select(EventHead.__table__).where(EventHead.workspace_id.in_(sa.bindparam("workspaces", expanding=True)))
_EVENTS = (
    sa.select(Event.__table__)
    .where(Event.workspace_id == sa.bindparam("workspace"), Event.seq > sa.bindparam("after"))
    .order_by(Event.seq)
    .limit(sa.bindparam("rows", type_=sa.Integer))
)
_EVENTS_ABOUT = {name: _EVENTS.where(Event.__table__.c[name] == sa.bindparam("about")) for name in REFERENCES}
_EVENTS_ABOUT_SOME = {
    name: _EVENTS.where(Event.__table__.c[name].in_(sa.bindparam("about", expanding=True))) for name in REFERENCES
}
_EVENTS_ABOUT_ANY = {name: _EVENTS.where(Event.__table__.c[name].is_not(None)) for name in REFERENCES}
_LAST_ABOUT = {
    name: sa.select(sa.func.max(Event.seq)).where(
        Event.workspace_id == sa.bindparam("workspace"), Event.__table__.c[name] == sa.bindparam("about")
    )
    for name in REFERENCES
}
_LAST_OF_TYPE = (
    sa.select(Event.__table__)
    .where(
        Event.workspace_id == sa.bindparam("workspace"),
        Event.run_id == sa.bindparam("run"),
        Event.type == sa.bindparam("kind"),
    )
    .order_by(Event.seq.desc())
    .limit(1)
)


def find_head(tx: Tx, workspace_id: str) -> EventHead | None:
    return tx.first(EventHead, _HEAD, workspace=workspace_id)


def list_heads(tx: Tx, workspace_ids: list[str]) -> list[EventHead]:
    return tx.all(EventHead, _HEADS, workspaces=workspace_ids)


def latest_seq(tx: Tx, workspace_id: str) -> int:
    """The seq of the workspace's newest event, 0 before any: the cursor to follow from."""
    head = find_head(tx, workspace_id)
    return 0 if head is None else head.seq


def list_events(
    tx: Tx, workspace_id: str, after: int, limit: int, selection: Selection | AnyOf = EVERYTHING
) -> list[Event]:
    """At most `limit` events with seq > after that the selection takes, in order."""
    if isinstance(selection, AnyOf):
        found = {
            event.seq: event
            for part in selection.selections
            for event in list_events(tx, workspace_id, after, limit, part)
        }
        return [found[seq] for seq in sorted(found)[:limit]]
    statement, values = _selected(selection)
    if selection.types is not None:
        statement = statement.where(Event.type.in_(selection.types))
    return tx.all(Event, statement, workspace=workspace_id, after=after, rows=limit, **values)


def _selected(selection: Selection) -> tuple[sa.Select[Any], dict[str, object]]:
    """The constant statement for what the selection is about: each has a partial index to walk."""
    if selection.reference is None:
        return _EVENTS, {}
    if selection.ids is None:
        return _EVENTS_ABOUT_ANY[selection.reference], {}
    if len(selection.ids) == 1:
        return _EVENTS_ABOUT[selection.reference], {"about": next(iter(selection.ids))}
    return _EVENTS_ABOUT_SOME[selection.reference], {"about": sorted(selection.ids)}


def last_seq_about(tx: Tx, workspace_id: str, about: tuple[str, str]) -> int:
    """The seq of the newest event with this reference, 0 without any."""
    name, value = about
    seq: int | None = tx.scalar(_LAST_ABOUT[name], workspace=workspace_id, about=value)
    return seq or 0
