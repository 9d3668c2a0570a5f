"""Adding to the audit log, in the unit that does what is recorded."""

import sqlalchemy as sa

from folkmoot.audit.tables import AuditEntry
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json
from folkmoot.kernel.scope import Actor

_INSERT = sa.insert(AuditEntry)


def record(
    tx: Tx, actor: Actor, verb: str, about: tuple[str, str | None], workspace_id: str | None = None, **detail: Json
) -> None:
    """Who did what to which object: `verb` as the operation is called, `about` the object's kind and id.

    `detail` says what an auditor would ask next; never a secret, never what somebody wrote.
    """
    kind, id = about
    tx.write(
        _INSERT,
        {
            "id": new_id(),
            "workspace_id": workspace_id,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "actor_name": actor.name[:255],
            "verb": verb,
            "object_kind": kind,
            "object_id": id,
            "address": actor.address,
            "detail": detail,
            "at": now(),
        },
    )
