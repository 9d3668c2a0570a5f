"""The vault: the only one that has secrets in the clear, for as long as a call of a language model wants them."""

from collections.abc import Sequence
from time import monotonic

from folkmoot.db.database import Database
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.llm.gateway import NO_KEYS, OwnKeys
from folkmoot.providers.cipher import Cipher, Unreadable
from folkmoot.providers.queries import list_all_secrets, list_provider_keys
from folkmoot.providers.rules import PROVIDER_KEYS
from folkmoot.providers.schemas import Rotated, SecretView, UnreadableSecret
from folkmoot.providers.service import delete_secret, record_rotation, rotate_some, secret_view, set_secret
from folkmoot.providers.tables import Secret

_SECONDS = 1.0
_ENTRIES = 1000
_BATCH = 50


class Vault:
    """The workspaces' own keys, remembered for at most a second, so that one that is taken away is soon out of use."""

    def __init__(self, db: Database, keys: Sequence[bytes]) -> None:
        """The `keys` as Cipher takes them."""
        self._db = db
        self.cipher = Cipher(keys)
        self._known: dict[str, tuple[float, OwnKeys]] = {}

    async def keys_of(self, workspace_id: str, /) -> OwnKeys:
        """By provider; None is one that is set and cannot be read."""
        at = monotonic()
        known = self._known.get(workspace_id)
        if known is not None and at - known[0] < _SECONDS:
            return known[1]
        rows = await self._db.read(list_provider_keys, workspace_id)
        keys = {PROVIDER_KEYS[row.name]: self._value(row) for row in rows} or NO_KEYS
        if len(self._known) >= _ENTRIES:
            self._known.clear()
        self._known[workspace_id] = (at, keys)
        return keys

    async def values_of(self, scope: Scope) -> tuple[str, ...]:
        """All that the workspace keeps secret, for who hides it; what cannot be read cannot show up either."""
        values = (self._value(row) for row in await self._db.read(list_all_secrets, scope))
        return tuple(value for value in values if value is not None)

    async def set(self, scope: Scope, name: str, value: str) -> SecretView:
        """In use from now on. Raises SecretNotUsable, TooManySecrets."""
        secret = await self._db.write(set_secret, scope, self.cipher, name, value)
        self._known.pop(scope.workspace_id, None)
        return secret_view(secret, self.cipher)

    async def delete(self, scope: Scope, name: str) -> None:
        """Out of use from now on, in another process within a second. Raises NoSuchSecret."""
        await self._db.write(delete_secret, scope, name)
        self._known.pop(scope.workspace_id, None)

    async def rotate(self, actor: Actor) -> Rotated:
        """Encrypt all secrets of all workspaces with the current key, some at a time."""
        rotated, unreadable, after = 0, list[UnreadableSecret](), ""
        while True:
            batch = await self._db.write(rotate_some, self.cipher, after, _BATCH)
            rotated += batch.rotated
            unreadable += batch.unreadable
            if batch.after is None:
                break
            after = batch.after
        await self._db.write(record_rotation, actor, rotated, len(unreadable))
        return Rotated(rotated=rotated, unreadable=unreadable)

    def _value(self, row: Secret) -> str | None:
        try:
            return self.cipher.decrypt(row.workspace_id, row.name, row.ciphertext)
        except Unreadable:
            return None
