"""Users for tests of the whole application, as members and with the credentials that a test is about.

They end local mode: on PostgreSQL such a test needs a database of its own (`own_database_url`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import FastAPI

from folkmoot.accounts.api_keys import create_api_key
from folkmoot.accounts.key_schemas import NewApiKey
from folkmoot.accounts.queries import actor_of
from folkmoot.accounts.rules import Caller, KeyScope
from folkmoot.accounts.sessions import open_session
from folkmoot.accounts.tokens import Claims, hash_of, new_secret
from folkmoot.accounts.user_schemas import NewUser
from folkmoot.accounts.users import add_user
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Role
from folkmoot.workspaces.members import add_member

EVERYTHING = (KeyScope.ADMIN,)


@dataclass(frozen=True)
class Person:
    """A user with a session and an API key; `caller` is who the session is."""

    caller: Caller
    email: str
    token: str
    key: str
    key_id: str

    @property
    def id(self) -> str:
        return self.caller.actor.id

    @property
    def by_session(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def by_key(self) -> dict[str, str]:
        return {"X-API-Key": self.key}


async def enrol(
    app: FastAPI,
    name: str,
    *,
    scopes: Sequence[KeyScope] = EVERYTHING,
    is_admin: bool = False,
    key_for: str | None = None,
) -> Person:
    """A user who is a member of nothing; the key has these scopes and is for the workspace `key_for`, or for all."""
    key = NewApiKey(name="test", scopes=[*scopes], workspace_id=key_for)
    person: Person = await app.state.runtime.db.write(_enrol, app, name, is_admin, key)
    app.state.accounts.forget()
    return person


async def admit(app: FastAPI, person: Person, workspace_id: str, role: Role) -> None:
    await app.state.runtime.db.write(add_member, workspace_id, person.id, role)
    app.state.workspaces.forget()


def _enrol(tx: Tx, app: FastAPI, name: str, is_admin: bool, new: NewApiKey) -> Person:
    email = f"{name}-{new_id()}@example.org"
    user = add_user(tx, NewUser(email=email, password=new_secret(), full_name=name), "no hash", is_admin=is_admin)
    family_id = open_session(tx, user.id, hash_of(new_secret()), now())
    caller = Caller(actor_of(user), "session", family_id, is_admin=is_admin)
    key = create_api_key(tx, caller, new)
    token = app.state.accounts.tokens.make(Claims(user.id, family_id))
    return Person(caller, email, token, key.key, key.id)
