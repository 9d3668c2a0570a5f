"""What operations of realtime answer. Written by `make docs`."""

from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class EventPage(Resource):
    """Frames as every socket sends them; `next` is the seq to go on from."""

    events: list[JsonObject]
    next: int
    oldest: int
    latest: int
    reset: bool
