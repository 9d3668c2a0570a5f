"""Socket tickets: a socket of a browser can send no header, and a long-lived token belongs in no URL."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from folkmoot.accounts.queries import find_caller_of_key_id, find_caller_of_session
from folkmoot.accounts.rules import OPERATOR, Caller
from folkmoot.accounts.tables import SocketTicket
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import dumps, loads

TICKET_SECONDS = 30

_INSERT = sa.insert(SocketTicket)
_TAKE = sa.delete(SocketTicket).where(SocketTicket.hash == sa.bindparam("this")).returning(*SocketTicket.__table__.c)
_PRUNE = sa.delete(SocketTicket).where(
    SocketTicket.expires_at <= sa.bindparam("at", type_=SocketTicket.__table__.c.expires_at.type)
)


def add_ticket(tx: Tx, hash: str, caller: Caller, at: datetime) -> None:
    kept = dumps({"credential": caller.credential, "id": caller.credential_id})
    tx.write(_INSERT, {"hash": hash, "caller": kept, "expires_at": at + timedelta(seconds=TICKET_SECONDS)})


def redeem(tx: Tx, hash: str, at: datetime) -> Caller | None:
    """Whoever the ticket was made for, if it is not used up and they may still come in."""
    ticket = tx.write_returning(SocketTicket, _TAKE, this=hash)
    if ticket is None or ticket.expires_at <= at:
        return None
    kept = loads(ticket.caller)
    assert isinstance(kept, dict)
    match kept["credential"], kept["id"]:
        case "session", str(family_id):
            return find_caller_of_session(tx, family_id)
        case "api_key", str(key_id):
            return find_caller_of_key_id(tx, key_id, at)
        case "operator", _:
            return OPERATOR
        case _:
            return None


def prune_tickets(tx: Tx, at: datetime) -> None:
    tx.write(_PRUNE, {"at": at})
