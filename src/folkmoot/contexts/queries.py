"""Every SELECT of contexts."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from folkmoot.agents.queries import get_agent
from folkmoot.contexts.rules import DEFAULT_NAME
from folkmoot.contexts.tables import AgentContext, AgentContextVersion, ContextRead
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound, existing
from folkmoot.kernel.json import LARGEST_INTEGER
from folkmoot.kernel.scope import Scope
from folkmoot.runs.queries import of_shown_rooms
from folkmoot.runs.tables import Run
from folkmoot.workspaces.queries import get_project

CONTEXT_COLUMNS = AgentContext.__table__.columns
VERSION_COLUMNS = AgentContextVersion.__table__.columns

_CONTEXT = sa.select(*CONTEXT_COLUMNS).where(AgentContext.workspace_id == sa.bindparam("workspace_id"))
_BY_ID_ALONE = sa.select(*CONTEXT_COLUMNS).where(AgentContext.id == sa.bindparam("context_id"))
_BY_ID = _CONTEXT.where(AgentContext.id == sa.bindparam("context_id"))
# Writers of one context wait for each other here; rows that refer to it can still be written beside them.
_LOCK = _BY_ID.with_for_update(key_share=True)
_OF_AGENT = _CONTEXT.where(AgentContext.instance_id == sa.bindparam("owner_id"))
_OF_PROJECT = _CONTEXT.where(AgentContext.project_id == sa.bindparam("owner_id"), AgentContext.instance_id.is_(None))
_NAMED = AgentContext.name == sa.bindparam("name")
_OF_AGENT_NAMED = _OF_AGENT.where(_NAMED)
_OF_PROJECT_NAMED = _OF_PROJECT.where(_NAMED)

_VERSIONS = sa.select(*VERSION_COLUMNS).where(AgentContextVersion.context_id == sa.bindparam("context_id"))
_VERSION = _VERSIONS.where(AgentContextVersion.version == sa.bindparam("version"))
_LAST = sa.select(sa.func.max(AgentContextVersion.version)).where(
    AgentContextVersion.context_id == sa.bindparam("context_id")
)
_READERS = (
    sa.select(ContextRead.run_id, ContextRead.created_at, Run.kind, Run.title, Run.status)
    .join(Run, Run.id == ContextRead.run_id)
    .where(ContextRead.context_id == sa.bindparam("context_id"), ContextRead.version == sa.bindparam("version"))
)


class NoSuchContext(NotFound):
    """Context not found"""


class NoSuchContextVersion(NotFound):
    """Context version not found"""


@dataclass(frozen=True, slots=True)
class OfAgent:
    """Contexts of the agent with this id, number or slug."""

    ref: str


@dataclass(frozen=True, slots=True)
class OfProject:
    """Contexts that all agents of the project with this id share."""

    id: str


Owner = OfAgent | OfProject


@dataclass(frozen=True, slots=True)
class Named:
    """A context by its owner and its name."""

    owner: Owner
    name: str = DEFAULT_NAME


@dataclass(frozen=True, slots=True)
class Place:
    """Where contexts of an owner are kept; without `instance_id` the project itself owns them."""

    project_id: str
    instance_id: str | None


class Reader(ContextRead):
    """A run that has read a version, as the query answers it."""

    __abstract__ = True

    kind: Mapped[str]
    title: Mapped[str]
    status: Mapped[str]


def get_place(tx: Tx, scope: Scope, owner: Owner) -> Place:
    """Raises NoSuchAgent, NotInitialized, NoSuchProject."""
    if isinstance(owner, OfAgent):
        agent = get_agent(tx, scope, owner.ref)
        return Place(agent.project_id, agent.id)
    return Place(get_project(tx, scope, owner.id).id, None)


def find_context(tx: Tx, scope: Scope, place: Place, name: str) -> AgentContext | None:
    statement = _OF_PROJECT_NAMED if place.instance_id is None else _OF_AGENT_NAMED
    owner_id = place.instance_id or place.project_id
    return tx.first(AgentContext, statement, workspace_id=scope.workspace_id, owner_id=owner_id, name=name)


def find_named_context(tx: Tx, scope: Scope, named: Named) -> AgentContext | None:
    """Raises NoSuchAgent, NotInitialized, NoSuchProject."""
    return find_context(tx, scope, get_place(tx, scope, named.owner), named.name)


def get_context(tx: Tx, scope: Scope, context_id: str) -> AgentContext:
    """Raises NoSuchContext, for another workspace's context too."""
    return existing(
        tx.first(AgentContext, _BY_ID, workspace_id=scope.workspace_id, context_id=context_id), NoSuchContext
    )


def find_context_anywhere(tx: Tx, context_id: str) -> AgentContext | None:
    """By id alone: for code of the operator's, which acts for no workspace."""
    return tx.first(AgentContext, _BY_ID_ALONE, context_id=context_id)


def lock_context(tx: Tx, scope: Scope, context_id: str) -> AgentContext:
    """The row as it is once everyone who was writing it is done. Raises NoSuchContext."""
    return existing(
        tx.first(AgentContext, _LOCK, workspace_id=scope.workspace_id, context_id=context_id), NoSuchContext
    )


def find_version(tx: Tx, context_id: str, version: int) -> AgentContextVersion | None:
    if not 0 < version <= LARGEST_INTEGER:
        return None
    return tx.first(AgentContextVersion, _VERSION, context_id=context_id, version=version)


def last_version(tx: Tx, context_id: str) -> int:
    """The number of the newest version, 0 where there is none."""
    last: int | None = tx.scalar(_LAST, context_id=context_id)
    return last or 0


def list_contexts(tx: Tx, scope: Scope, owner: Owner, skip: int, limit: int) -> tuple[list[AgentContext], int]:
    """By name, with the total. Raises NoSuchAgent, NotInitialized, NoSuchProject."""
    place = get_place(tx, scope, owner)
    found = _OF_PROJECT if place.instance_id is None else _OF_AGENT
    values = {"workspace_id": scope.workspace_id, "owner_id": place.instance_id or place.project_id}
    total: int = tx.scalar(sa.select(sa.func.count()).select_from(found.subquery()), **values)
    return tx.all(AgentContext, found.order_by(AgentContext.name).offset(skip).limit(limit), **values), total


def list_versions(
    tx: Tx, context_id: str, skip: int = 0, limit: int | None = None
) -> tuple[list[AgentContextVersion], int]:
    """The versions that are kept with their data, newest first, with their total."""
    newest_first = _VERSIONS.order_by(AgentContextVersion.version.desc())
    return tx.all(AgentContextVersion, newest_first.offset(skip).limit(limit), context_id=context_id), _count(
        tx, context_id
    )


def list_headings(tx: Tx, context_id: str, skip: int, limit: int) -> tuple[list[AgentContextVersion], int]:
    """As `list_versions`, without their data."""
    columns = [column for column in VERSION_COLUMNS if column.key != "data"]
    found = _VERSIONS.with_only_columns(*columns).order_by(AgentContextVersion.version.desc())
    return tx.all(AgentContextVersion, found.offset(skip).limit(limit), context_id=context_id), _count(tx, context_id)


def _count(tx: Tx, context_id: str) -> int:
    count: int = tx.scalar(sa.select(sa.func.count()).select_from(_VERSIONS.subquery()), context_id=context_id)
    return count


def list_readers(
    tx: Tx, scope: Scope, context_id: str, version: int, skip: int, limit: int
) -> tuple[list[Reader], int]:
    """The runs that have read the version, as far as the caller sees them, the last to come first, with their total."""
    values = {"context_id": context_id, "version": version}
    shown = _READERS.where(of_shown_rooms(scope))
    total: int = tx.scalar(sa.select(sa.func.count()).select_from(shown.subquery()), **values)
    found = shown.order_by(ContextRead.created_at.desc(), ContextRead.run_id.desc())
    return tx.all(Reader, found.offset(skip).limit(limit), **values), total
