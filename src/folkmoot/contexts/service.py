"""The verbs of contexts: make, write, roll back. Writers of one context wait for each other at its row."""

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.audit.service import record
from folkmoot.contexts.events import AgentContextUpdated
from folkmoot.contexts.queries import (
    CONTEXT_COLUMNS,
    VERSION_COLUMNS,
    Named,
    Place,
    find_context,
    find_named_context,
    find_version,
    get_place,
    last_version,
    lock_context,
)
from folkmoot.contexts.rules import DATA_BYTES, NAME_CHARACTERS, ContextRollbackState, json_bytes
from folkmoot.contexts.tables import AgentContext, AgentContextVersion
from folkmoot.contexts.views import Reading, summary_of
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import BadRequest, Conflict, Invalid, TooLarge
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import LARGEST_INTEGER, JsonObject, clean_text
from folkmoot.kernel.scope import Scope
from folkmoot.runs.queries import get_run
from folkmoot.runs.tables import Run

_INSERT_CONTEXT = {
    "sqlite": sqlite.insert(AgentContext).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(AgentContext).on_conflict_do_nothing(),
}
_INSERT_VERSION = sa.insert(AgentContextVersion).returning(*VERSION_COLUMNS)
_THIS = AgentContext.id == sa.bindparam("this_context")
_SET_CURRENT = (
    sa.update(AgentContext)
    .where(_THIS)
    .values(current_version=sa.bindparam("version"), updated_at=sa.bindparam("at"))
    .returning(*CONTEXT_COLUMNS)
)
_SET_ROLLBACK = (
    sa.update(AgentContext)
    .where(_THIS)
    .values(
        current_version=sa.bindparam("version"),
        rollback_pointer=sa.bindparam("pointer"),
        rollback_state=sa.bindparam("state"),
        updated_at=sa.bindparam("at"),
    )
    .returning(*CONTEXT_COLUMNS)
)
_VERSION = AgentContextVersion.version
_OF_CONTEXT = AgentContextVersion.context_id == sa.bindparam("this_context")
_PRUNABLE = _VERSION.not_in((sa.bindparam("current"), sa.bindparam("target")))
_CUTOFF = (
    sa.select(_VERSION).where(_OF_CONTEXT, _PRUNABLE).order_by(_VERSION.desc()).offset(sa.bindparam("others")).limit(1)
)
_PRUNE = sa.delete(AgentContextVersion).where(
    _OF_CONTEXT, _PRUNABLE, AgentContextVersion.version <= sa.bindparam("cutoff")
)
# Kept from being deleted until the row that refers to it is written.
_HOLD_RUN = (
    sa.select(Run.id)
    .where(Run.workspace_id == sa.bindparam("workspace_id"), Run.id == sa.bindparam("run_id"))
    .with_for_update(key_share=True, read=True)
)


class VersionConflict(Conflict):
    """The context has another current version than expected"""

    hint = "Read the context again and write on top of its current_version"


class UnknownVersion(BadRequest):
    """The context has no such version to roll back to"""


class ContextTooLarge(TooLarge):
    """The data is larger than 1,000,000 bytes of JSON"""


class ContextNotJson(Invalid):
    """The data is not a JSON object"""


class WrongContextName(Invalid):
    """A context's name has 1 to 255 characters, no NUL and no lone surrogate"""


def _check_data(data: object) -> None:
    size = json_bytes(data) if isinstance(data, dict) else None
    if size is None:
        raise ContextNotJson
    if size > DATA_BYTES:
        raise ContextTooLarge(size=size, limit=DATA_BYTES)


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """AGENT_CONTEXT_HISTORY_LIMIT: versions kept of a context; the current one and a rollback's target always are."""

    history_limit: int = 100


@dataclass(frozen=True, slots=True)
class Change:
    """What a write puts in place of the state there is; `created_by` is the caller where nobody is named.

    Looks at its data when it is made, ahead of any transaction. Raises ContextTooLarge, ContextNotJson.
    """

    data: JsonObject
    description: str | None = None
    created_by: str | None = None
    expected_version: int | None = None
    run_id: str | None = None

    def __post_init__(self) -> None:
        _check_data(self.data)


def get_or_create_context(tx: Tx, scope: Scope, named: Named) -> AgentContext:
    """Raises NoSuchAgent, NotInitialized, NoSuchProject, WrongContextName."""
    _check_name(named.name)
    place = get_place(tx, scope, named.owner)
    return find_context(tx, scope, place, named.name) or _create(tx, scope, place, named.name)


def _create(tx: Tx, scope: Scope, place: Place, name: str) -> AgentContext:
    """Two that create it at once get the same one."""
    context_id, at = new_id(), now()
    row = {
        "id": context_id,
        "workspace_id": scope.workspace_id,
        "project_id": place.project_id,
        "instance_id": place.instance_id,
        "name": name,
        "current_version": 0,
        "rollback_pointer": None,
        "rollback_state": None,
        "created_at": at,
        "updated_at": at,
    }
    is_new = tx.write(_INSERT_CONTEXT[tx.dialect], row) == 1
    context = find_context(tx, scope, place, name)
    assert context is not None, "the row is there, whoever wrote it"
    if is_new:
        _tell(tx, context, "created")
    return context


def write_context(tx: Tx, scope: Scope, context_id: str, change: Change, settings: ContextSettings) -> Reading:
    """The next version, number `max + 1`. Raises NoSuchContext, NoSuchRun, VersionConflict."""
    hold_run(tx, scope, change.run_id)
    return _write(tx, scope, lock_context(tx, scope, context_id), change, settings)


def write_named_context(tx: Tx, scope: Scope, named: Named, change: Change, settings: ContextSettings) -> Reading:
    """As `write_context`, made where it is not there yet.

    Raises NoSuchAgent, NotInitialized, NoSuchProject, WrongContextName too.
    """
    _check_name(named.name)
    place = get_place(tx, scope, named.owner)
    hold_run(tx, scope, change.run_id)
    context = find_context(tx, scope, place, named.name)
    if context is None:
        _check_expected(0, change)
        context = _create(tx, scope, place, named.name)
    written = _write(tx, scope, lock_context(tx, scope, context.id), change, settings)
    verb = "write_project_context" if context.instance_id is None else "write_context"
    number = written.context.current_version
    record(tx, scope.actor, verb, ("context", context.id), scope.workspace_id, version=number)
    return written


def _write(tx: Tx, scope: Scope, context: AgentContext, change: Change, settings: ContextSettings) -> Reading:
    """On a locked context: numbers are given one after the other, whoever writes."""
    _check_expected(context.current_version, change)
    number, at = last_version(tx, context.id) + 1, now()
    description = None if change.description is None else clean_text(change.description)
    version = tx.write_returning(
        AgentContextVersion,
        _INSERT_VERSION,
        id=new_id(),
        context_id=context.id,
        version=number,
        data=change.data,
        change_description=description,
        created_by=_author(scope, change.created_by),
        run_id=change.run_id,
        created_at=at,
        updated_at=at,
    )
    changed = tx.write_returning(AgentContext, _SET_CURRENT, this_context=context.id, version=number, at=at)
    assert version is not None
    assert changed is not None
    if number > settings.history_limit:
        _prune(tx, context, number, settings.history_limit)
    _tell_version(tx, changed, number, description, version.created_by)
    return Reading(changed, version)


def _author(scope: Scope, named: str | None) -> str:
    author = clean_text(named) if named else f"{scope.actor.kind}:{scope.actor.id}"
    return author[:NAME_CHARACTERS]


def _check_name(name: str) -> None:
    if not 0 < len(name) <= NAME_CHARACTERS or clean_text(name) != name:
        raise WrongContextName


def hold_run(tx: Tx, scope: Scope, run_id: str | None) -> None:
    """Before anything is locked or written. Raises NoSuchRun."""
    if run_id is not None:
        tx.scalar(_HOLD_RUN, workspace_id=scope.workspace_id, run_id=run_id)
        get_run(tx, scope, run_id)


def _check_expected(current: int, change: Change) -> None:
    if change.expected_version is not None and change.expected_version != current:
        raise VersionConflict(
            f"The current version is {current}, not {change.expected_version}",
            current_version=current,
            expected_version=change.expected_version,
        )


def _prune(tx: Tx, context: AgentContext, current: int, limit: int) -> None:
    """Delete the oldest versions past the limit; numbers stay as they are, and so does what a rollback went to."""
    is_target = context.rollback_state == ContextRollbackState.SUCCESS
    target = context.rollback_pointer if is_target else None
    kept = {"this_context": context.id, "current": current, "target": current if target is None else target}
    others = max(0, limit - (1 if target is None else 2))
    cutoff: int | None = tx.scalar(_CUTOFF, **kept, others=others)
    if cutoff is not None:
        tx.write(_PRUNE, {**kept, "cutoff": cutoff})


def rollback_to_version(tx: Tx, scope: Scope, context_id: str, target_version: int) -> AgentContext:
    """Reads answer the target again, the next write is the newest number + 1.

    An unknown target is recorded too: `rollback_state` says `failed` and nothing else has changed; whoever runs
    the unit gives what it answers to `succeeded`. Raises NoSuchContext.
    """
    return _roll_back(tx, scope, lock_context(tx, scope, context_id), target_version).context


def rollback_named_context(tx: Tx, scope: Scope, named: Named, target_version: int) -> Reading:
    """As `rollback_to_version`. Raises NoSuchAgent, NotInitialized, NoSuchProject, and UnknownVersion where there is
    no context of the name.
    """
    context = find_named_context(tx, scope, named)
    if context is None:
        raise UnknownVersion(current_version=0)
    reading = _roll_back(tx, scope, lock_context(tx, scope, context.id), target_version)
    told: JsonObject = {"target_version": target_version, "outcome": reading.context.rollback_state}
    verb = "rollback_project_context" if context.instance_id is None else "rollback_context"
    record(tx, scope.actor, verb, ("context", context.id), scope.workspace_id, **told)
    return reading


def _roll_back(tx: Tx, scope: Scope, context: AgentContext, target_version: int) -> Reading:
    if abs(target_version) > LARGEST_INTEGER:
        raise UnknownVersion(current_version=context.current_version)
    target = find_version(tx, context.id, target_version)
    changed = tx.write_returning(
        AgentContext,
        _SET_ROLLBACK,
        this_context=context.id,
        version=context.current_version if target is None else target.version,
        pointer=target_version,
        state=ContextRollbackState.FAILED if target is None else ContextRollbackState.SUCCESS,
        at=now(),
    )
    assert changed is not None
    if target is None:
        _tell(tx, changed, "updated")
    else:
        _tell_version(tx, changed, target.version, None, _author(scope, None), is_rollback=True)
    return Reading(changed, target)


def succeeded(context: AgentContext) -> AgentContext:
    """Once a rollback is committed, whichever way it went. Raises UnknownVersion."""
    if context.rollback_state == ContextRollbackState.FAILED:
        raise UnknownVersion(current_version=context.current_version)
    return context


async def roll_back(db: Database, scope: Scope, named: Named, target_version: int) -> Reading:
    """Raises NoSuchAgent, NotInitialized, NoSuchProject, UnknownVersion."""
    reading = await db.write(rollback_named_context, scope, named, target_version)
    succeeded(reading.context)
    return reading


def _tell(tx: Tx, context: AgentContext, change: Literal["created", "updated"]) -> None:
    view = summary_of(context).model_dump(mode="json")
    fact = ResourceChanged(resource="context", id=context.id, change=change, view=view)
    tx.emit(context.workspace_id, fact, agent_id=context.instance_id)


def _tell_version(
    tx: Tx, context: AgentContext, version: int, description: str | None, author: str, *, is_rollback: bool = False
) -> None:
    fact = AgentContextUpdated(
        context_id=context.id,
        context_name=context.name,
        version=version,
        change_description=description,
        created_by=author,
        context=summary_of(context).model_dump(mode="json"),
        rollback=is_rollback,
    )
    tx.emit(context.workspace_id, fact, agent_id=context.instance_id)
