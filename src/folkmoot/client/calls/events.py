"""Calls of events. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.realtime import EventPage
from folkmoot.client.wire import Call


def list_events(*, after: int | None = None, limit: int | None = None, channels: str | None = None) -> Call[EventPage]:
    """The log of one workspace in order, narrowed by channels; go on from `next`."""
    return Call("GET", "/api/events", wire.one(EventPage), query={"after": after, "limit": limit, "channels": channels})
