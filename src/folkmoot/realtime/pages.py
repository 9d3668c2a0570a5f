"""A page of one workspace's log."""

from collections.abc import Sequence

from folkmoot.db.tx import Tx
from folkmoot.events.frames import view
from folkmoot.events.queries import find_head, list_events
from folkmoot.events.tables import Event
from folkmoot.kernel.scope import Scope
from folkmoot.realtime.channels import Part
from folkmoot.realtime.schemas import EventPage
from folkmoot.runs.queries import shown_rooms


def shown(tx: Tx, scope: Scope, events: Sequence[Event]) -> list[Event]:
    """Without those of rooms that the caller is not in."""
    rooms = {event.room_id for event in events if event.room_id is not None}
    seen = shown_rooms(tx, scope, rooms) if rooms else frozenset()
    return [event for event in events if event.room_id is None or event.room_id in seen]


def events_page(tx: Tx, part: Part, after: int, limit: int) -> EventPage:
    """At most `limit` events past `after`. Where there are fewer, `next` is past all that the channels leave out."""
    workspace_id = part.scope.workspace_id
    head = find_head(tx, workspace_id)
    oldest, latest = (1, 0) if head is None else (head.oldest, head.seq)
    events = [event for event in list_events(tx, workspace_id, after, limit, part.selection) if event.seq <= latest]
    is_full = len(events) == limit
    return EventPage(
        events=[view(event) for event in shown(tx, part.scope, events)],
        next=events[-1].seq if is_full else latest,
        oldest=oldest,
        latest=latest,
        reset=after > latest or after < oldest - 1,
    )
