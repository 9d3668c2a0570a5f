"""Throttling of logins: counted in the database, so that neither a restart nor a second process forgets."""

import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.accounts.tables import LoginAttempts
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Problem

WINDOW_SECONDS = 300
PER_ACCOUNT = 10
PER_ADDRESS = 100

_AT = LoginAttempts.since.type
_IS_OVER = LoginAttempts.since <= sa.bindparam("begins", type_=_AT)
_VALUES = {
    "subject": sa.bindparam("about", type_=LoginAttempts.subject.type),
    "since": sa.bindparam("at", type_=_AT),
    "count": 1,
}
_COUNT = {
    dialect: insert(LoginAttempts)
    .values(_VALUES)
    .on_conflict_do_update(
        index_elements=["subject"],
        set_={
            "count": sa.case((_IS_OVER, 1), else_=LoginAttempts.count + 1),
            "since": sa.bindparam("at", type_=_AT),
        },
        where=sa.or_(_IS_OVER, LoginAttempts.count < sa.bindparam("most", type_=sa.BigInteger())),
    )
    .returning(LoginAttempts.__table__.c.count)
    for dialect, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}
_FIND = sa.select(LoginAttempts.__table__).where(LoginAttempts.subject == sa.bindparam("about"))
_CLEAR = sa.delete(LoginAttempts).where(LoginAttempts.subject == sa.bindparam("about"))
_TAKE_BACK = (
    sa.update(LoginAttempts)
    .where(LoginAttempts.subject == sa.bindparam("about"), LoginAttempts.count > 0)
    .values(count=LoginAttempts.count - 1)
)
_PRUNE = sa.delete(LoginAttempts).where(_IS_OVER)


class TooManyLogins(Problem):
    """Too many failed logins; try again later"""

    status = 429


@dataclass(frozen=True, slots=True)
class Subjects:
    """What a login is counted under: the account as it was written, from where; and all that comes from there."""

    account: str
    address: str


def subjects_of(email_key: str, address: str | None) -> Subjects:
    network = _network(address or "")
    return Subjects(_subject(f"{network} {email_key}"), _subject(network))


def count_attempt(tx: Tx, subjects: Subjects, at: datetime) -> None:
    """Count it before the password is looked at, so that many at once are no way around. Raises TooManyLogins.

    What is refused is not counted: the window ends five minutes after the last login that was tried.
    """
    limits = ((subjects.address, PER_ADDRESS), (subjects.account, PER_ACCOUNT))
    for subject, most in limits:
        _refuse_more(tx, subject, most, at)
    begins = at - timedelta(seconds=WINDOW_SECONDS)
    for subject, most in limits:
        values = {"about": subject, "at": at, "begins": begins, "most": most}
        if tx.write_returning(LoginAttempts, _COUNT[tx.dialect], **values) is None:  # another process was quicker
            raise TooManyLogins(retry_after_seconds=WINDOW_SECONDS)


def forgive(tx: Tx, subjects: Subjects) -> None:
    """The login succeeded: it does not count, and the account begins anew."""
    tx.write(_CLEAR, {"about": subjects.account})
    tx.write(_TAKE_BACK, {"about": subjects.address})


def prune_attempts(tx: Tx, at: datetime) -> None:
    tx.write(_PRUNE, {"begins": at - timedelta(seconds=WINDOW_SECONDS)})


def _refuse_more(tx: Tx, subject: str, most: int, at: datetime) -> None:
    attempts = tx.first(LoginAttempts, _FIND, about=subject)
    if attempts is None or attempts.count < most:
        return
    left = WINDOW_SECONDS - (at - attempts.since).total_seconds()
    if left > 0:
        raise TooManyLogins(retry_after_seconds=math.ceil(left))


def _network(address: str) -> str:
    """An address, or of IPv6 the /64 that one subscriber has to himself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _subject(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()
