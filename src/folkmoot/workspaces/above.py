"""What this room has to ask of those above it."""

from collections.abc import Callable
from dataclasses import dataclass

from folkmoot.db.tx import Tx

OnCreated = Callable[[Tx, str], None]
CountLive = Callable[[Tx, str, str | None], int]
OnLeft = Callable[[Tx, str, str], None]
OnFirst = Callable[[Tx, str, str], None]


@dataclass(frozen=True, slots=True)
class RoomsAbove:
    """Wired where all rooms are known.

    `on_created` is called with the id of a workspace that was just made: rooms hang their rows in. `count_live`
    answers how many runs of a workspace, or of one project of it, have not ended. `on_left` is called with a workspace
    and the user who is leaving it, `on_first` with the id and the name of the first user, to whom everything belongs.
    """

    on_created: tuple[OnCreated, ...] = ()
    count_live: CountLive = lambda tx, workspace_id, project_id: 0
    on_left: OnLeft = lambda tx, workspace_id, user_id: None
    on_first: OnFirst = lambda tx, user_id, name: None
