"""Whose request this is: credentials become callers, remembered for at most a second."""

import logging
from dataclasses import dataclass, replace
from time import monotonic

from folkmoot.accounts.passwords import Passwords
from folkmoot.accounts.queries import find_caller_of_key, find_caller_of_session, has_users, note_use
from folkmoot.accounts.rules import LOCAL_OWNER, METRICS_READER, OPERATOR, Caller
from folkmoot.accounts.tickets import redeem
from folkmoot.accounts.tokens import ADMIN_PREFIX, KEY_PREFIX, AccessTokens, hash_of, is_same, prefix_of
from folkmoot.db.database import Database
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Problem, Unavailable
from folkmoot.kernel.supervisor import Supervisor

_SECONDS = 1.0
_ENTRIES = 10_000
_LONGEST = 4096

_log = logging.getLogger(__name__)


class NotAuthenticated(Problem):
    """The call needs a login or an API key"""

    status = 401
    hint = "Send a bearer token or X-API-Key, or log in at /api/login"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """How requests are let in; nothing of it changes while the process lives.

    `is_required`: there is no local mode. `is_insecure`: in local mode the whole network is the local owner.
    `is_private`: all requests come over a socket that only its owner can reach.
    """

    access_key: bytes
    admin_token: str
    metrics_token: str | None = None
    origins: frozenset[str] = frozenset()
    is_required: bool = False
    is_insecure: bool = False
    is_private: bool = False


class Accounts:
    """Finds the caller of a credential, and whether this installation is still in local mode."""

    def __init__(self, db: Database, supervisor: Supervisor, settings: AccountSettings) -> None:
        self.settings = settings
        self.passwords = Passwords()
        self.tokens = AccessTokens(settings.access_key)
        self.was_local = not settings.is_required
        """Local mode as it was when it was last asked for."""
        self.sockets: dict[str, Caller] = {}
        """Who opened the sessions of Socket.IO that are open, by their ids."""
        self._asked_until = 0.0
        self._db = db
        self._supervisor = supervisor
        self._known: dict[tuple[str, str | None], tuple[float, Caller]] = {}

    async def is_local(self, *, is_doubted: bool = False) -> bool:
        """Whether there are no users yet; once there are some, it is over for good.

        Asked at most once a second, but where it is doubted: another process may have made the first user.
        """
        if self.was_local and (is_doubted or monotonic() >= self._asked_until):
            try:
                self.was_local = not await self._db.read(has_users)
            except Unavailable:  # what a request wants of the database will fail by itself
                return self.was_local
            self._asked_until = monotonic() + _SECONDS
        return self.was_local

    async def identify(self, token: str, address: str | None) -> Caller | None:
        """The caller of a session's access token, an API key or the admin token; None where it is no longer good.

        Raises DatabaseUnavailable.
        """
        known = self._known.get((token, address))
        if known is not None and monotonic() < known[0]:
            return known[1]
        asked_at = monotonic()
        caller = await self._ask(token)
        if caller is None:
            return None
        found = _from(caller, address)
        if len(self._known) >= _ENTRIES:
            self._known.clear()
        self._known[(token, address)] = (asked_at + _SECONDS, found)
        return found

    async def redeem(self, ticket: str, address: str | None) -> Caller | None:
        """The caller of a socket ticket, which opens one socket. Raises DatabaseUnavailable."""
        caller = await self._db.write(redeem, hash_of(ticket), now())
        return None if caller is None else _from(caller, address)

    def local_owner(self, address: str | None) -> Caller:
        return _from(LOCAL_OWNER, address)

    def forget(self) -> None:
        """Ask anew: somebody was made, changed, logged out or removed."""
        self._known.clear()
        self._asked_until = 0.0

    async def _ask(self, token: str) -> Caller | None:
        if len(token) > _LONGEST:
            return None
        if token.startswith(ADMIN_PREFIX):
            return OPERATOR if is_same(token, self.settings.admin_token) else None
        if self.settings.metrics_token is not None and is_same(token, self.settings.metrics_token):
            return METRICS_READER
        if token.startswith(KEY_PREFIX):
            return await self._of_key(token)
        claims = self.tokens.read(token)
        if claims is None:
            return None
        return await self._db.read(find_caller_of_session, claims.family_id, claims.subject)

    async def _of_key(self, key: str) -> Caller | None:
        found = await self._db.read(find_caller_of_key, prefix_of(key), hash_of(key), now())
        if found is None:
            return None
        if found.is_use_to_note:
            self._supervisor.start(self._note_use(found.caller.credential_id), "noting the use of a key")
        return found.caller

    async def _note_use(self, key_id: str) -> None:
        try:
            await self._db.write(note_use, key_id, now())
        except Unavailable as problem:
            _log.warning("the use of an API key was not noted: %s", problem.detail)


def _from(caller: Caller, address: str | None) -> Caller:
    return replace(caller, actor=replace(caller.actor, address=address))
