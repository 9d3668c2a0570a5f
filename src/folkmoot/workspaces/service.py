"""Making workspaces: the rows, and what every room above wants made along with them."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.events.log import make_head
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.workspaces.queries import DEFAULT, find_project_of_slug
from folkmoot.workspaces.tables import Project, Workspace

OnCreated = Callable[[Tx, str], None]


def ensure_default(tx: Tx, on_created: Sequence[OnCreated]) -> Project:
    """The default project of the workspace `default`, made with it where there is none yet.

    `on_created` is called with the id of a workspace that was just made: rooms above hang their rows in.
    """
    existing = find_project_of_slug(tx, DEFAULT)
    if existing is not None:
        return existing
    workspace_id, at = new_id(), now()
    times = {"created_at": at, "updated_at": at}
    named = {"slug": DEFAULT, "name": DEFAULT, "meta_data": {}}
    tx.write(sa.insert(Workspace), {"id": workspace_id, "status": "active", "settings": {}, **named, **times})
    tx.write(sa.insert(Project), {"id": new_id(), "workspace_id": workspace_id, **named, **times})
    make_head(tx, workspace_id)
    for hook in on_created:
        hook(tx, workspace_id)
    made = find_project_of_slug(tx, DEFAULT)
    assert made is not None
    return made
