"""Channels: what may be asked for, what it becomes for one caller, and cursors."""

import pytest

from folkmoot.accounts.rules import LOCAL_OWNER
from folkmoot.agents.queries import NoSuchAgent
from folkmoot.db.database import Database
from folkmoot.events.rules import EVERYTHING, AnyOf, Selection, about
from folkmoot.kernel.errors import NotFound
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import dumps
from folkmoot.kernel.scope import Scope
from folkmoot.realtime.channels import (
    MOST,
    BadChannel,
    BadCursor,
    Channel,
    Followed,
    Part,
    SeveralLogs,
    TooManyChannels,
    cursors,
    one_log,
    parse,
    resolve,
)
from folkmoot.workspaces.lookup import WorkspaceLookup
from folkmoot.workspaces.queries import NoSuchWorkspace
from tests.databases import new_scope


def test_names() -> None:
    assert parse(["agents", " all ", "agent:3", "task:x", "workspace:W"]) == [
        Channel("agents"),
        Channel("all"),
        Channel("agent", "3"),
        Channel("task", "x"),
        Channel("workspace", "W"),
    ]


@pytest.mark.parametrize(
    "name", ["", " ", "agent", "agent:", "agents:", "agents:1", "all:", "workspace", "nothing:1", ":", "Agent:1", "*"]
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(BadChannel):
        parse([name])


def test_there_is_a_most() -> None:
    assert len(parse(["agents"] * MOST)) == MOST
    with pytest.raises(TooManyChannels):
        parse(["agents"] * (MOST + 1))


async def resolved(db: Database, here: Scope, *names: str) -> Followed:
    return await resolve(db, WorkspaceLookup(db), LOCAL_OWNER, here, names)


async def test_a_workspace_is_the_default(db: Database, scope: Scope) -> None:
    everything = await resolved(db, scope)
    assert everything.name == f"workspace:{scope.workspace_id}"
    assert everything.parts == (Part(scope),)
    named = await resolved(db, scope, f"workspace:{scope.workspace_id.upper()}", "agents")
    assert [part.selection for part in named.parts] == [EVERYTHING]
    assert named.is_single


async def test_several_of_one_workspace_are_one_part(db: Database, scope: Scope) -> None:
    followed = await resolved(db, scope, "agents", "agents")
    assert followed.parts == (Part(scope, Selection("agent_id")),)
    assert followed.name == "agents"


async def test_several_workspaces(db: Database, scope: Scope) -> None:
    other = await db.write(new_scope)
    followed = await resolved(db, scope, "agents", f"workspace:{other.workspace_id}")
    assert [part.scope.workspace_id for part in followed.parts] == [other.workspace_id, scope.workspace_id]
    assert not followed.is_single
    with pytest.raises(SeveralLogs):
        one_log(followed)


async def test_all(db: Database, scope: Scope) -> None:
    followed = await resolved(db, scope, "all", "agents")
    assert (followed.is_all, followed.parts, followed.is_single) == (True, (), False)
    with pytest.raises(SeveralLogs):
        one_log(followed)


@pytest.mark.parametrize("kind", ["agent", "task", "run", "room", "debate"])
async def test_what_is_not_there(db: Database, scope: Scope, kind: str) -> None:
    for ref in (new_id(), "x" * 36, "no-such-thing"):
        with pytest.raises(NotFound):
            await resolved(db, scope, "agents", f"{kind}:{ref}")


async def test_what_is_not_there_is_told_even_beside_all(db: Database, scope: Scope) -> None:
    with pytest.raises(NoSuchAgent):
        await resolved(db, scope, "all", f"agent:{new_id()}")
    with pytest.raises(NoSuchWorkspace):
        await resolved(db, scope, "all", f"workspace:{new_id()}")


def test_what_any_of_several_takes() -> None:
    selection = AnyOf((about("run_id", "r"), Selection("agent_id")))
    assert selection.takes("progress", {"run_id": "r"})
    assert selection.takes("agent_message", {"agent_id": "a", "run_id": "other"})
    assert not selection.takes("progress", {"run_id": "other"})


def test_cursors(scope_like: Scope) -> None:
    here = scope_like.workspace_id
    single, several = Followed("x", (Part(scope_like),)), Followed("all", (), is_all=True)
    assert cursors(None, single) == cursors("", several) == {}
    assert cursors("7", single) == {here: 7}
    assert cursors(dumps({here.upper(): 7}), single) == {here: 7}
    assert cursors(dumps({"a": 1, "b": 2}), several) == {"a": 1, "b": 2}
    for bad in ("x", "-1", "1.5", "[]", "null", "9" * 30, '{"a": -1}', '{"a": true}', '{"a": "1"}', '{"a": 1e3}', "{"):
        with pytest.raises(BadCursor):
            cursors(bad, single)
    with pytest.raises(BadCursor):
        cursors("7", several)


@pytest.fixture
def scope_like() -> Scope:
    return Scope(new_id(), new_id(), LOCAL_OWNER.actor)
