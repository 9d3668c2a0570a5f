"""Reading contexts: at a version, by a run, as a history, one version against another."""

import asyncio

from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.contexts.queries import (
    Named,
    NoSuchContextVersion,
    Reader,
    find_named_context,
    find_version,
    get_context,
    list_headings,
    list_readers,
    lock_context,
)
from folkmoot.contexts.service import get_or_create_context, hold_run
from folkmoot.contexts.tables import AgentContext, AgentContextVersion, ContextRead
from folkmoot.contexts.views import Reading
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.json_patch import json_patch
from folkmoot.kernel.scope import Scope

_INSERT_READ = {
    "sqlite": sqlite.insert(ContextRead).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(ContextRead).on_conflict_do_nothing(),
}


def reading_at(tx: Tx, context: AgentContext, version: int | None = None) -> Reading:
    """The current version by default; version 0 is there always, and empty. Raises NoSuchContextVersion."""
    number = context.current_version if version is None else version
    if number == 0:
        return Reading(context, None)
    found = find_version(tx, context.id, number)
    if found is None:
        raise NoSuchContextVersion
    return Reading(context, found)


def read_context(tx: Tx, scope: Scope, context_id: str, version: int | None = None) -> Reading:
    """Raises NoSuchContext, NoSuchContextVersion."""
    return reading_at(tx, get_context(tx, scope, context_id), version)


def read_context_in_run(tx: Tx, scope: Scope, context_id: str, run_id: str, version: int | None = None) -> Reading:
    """As `read_context`, and it is noted which run has read the version. Raises NoSuchRun too."""
    hold_run(tx, scope, run_id)
    return _note(tx, lock_context(tx, scope, context_id), run_id, version)


def _note(tx: Tx, context: AgentContext, run_id: str, version: int | None) -> Reading:
    """On a locked context, so that the version is not pruned meanwhile."""
    reading = reading_at(tx, context, version)
    if reading.version is not None:
        row = {
            "context_id": context.id,
            "version": reading.version.version,
            "run_id": run_id,
            "workspace_id": context.workspace_id,
            "created_at": now(),
        }
        tx.write(_INSERT_READ[tx.dialect], row)
    return reading


async def open_context(db: Database, scope: Scope, named: Named, version: int | None, run_id: str | None) -> Reading:
    """The context at a version, by default the current one; it is made where there is none, and a run is noted.

    Raises NoSuchAgent, NotInitialized, NoSuchProject, NoSuchContextVersion, NoSuchRun, WrongContextName.
    """

    def find(tx: Tx) -> AgentContext | None:
        context = find_named_context(tx, scope, named)
        if context is None and version:
            raise NoSuchContextVersion
        return context

    def look(tx: Tx) -> Reading | None:
        context = find(tx)
        return None if context is None else reading_at(tx, context, version)

    def make(tx: Tx, scope: Scope) -> Reading:
        hold_run(tx, scope, run_id)
        context = find(tx) or get_or_create_context(tx, scope, named)
        if run_id is None:
            return reading_at(tx, context, version)
        return _note(tx, lock_context(tx, scope, context.id), run_id, version)

    known = await db.read(look) if run_id is None else None
    return known if known is not None else await db.write(make, scope)


def version_history(tx: Tx, scope: Scope, named: Named, skip: int, limit: int) -> tuple[list[AgentContextVersion], int]:
    """The kept versions without their data, newest first, with their total.

    Raises NoSuchAgent, NotInitialized, NoSuchProject.
    """
    context = find_named_context(tx, scope, named)
    return ([], 0) if context is None else list_headings(tx, context.id, skip, limit)


def version_readers(
    tx: Tx, scope: Scope, named: Named, version: int, skip: int, limit: int
) -> tuple[list[Reader], int]:
    """The runs that have read the version, the last to come first, with their total.

    Raises NoSuchAgent, NotInitialized, NoSuchProject, NoSuchContextVersion.
    """
    context = find_named_context(tx, scope, named)
    if context is None or find_version(tx, context.id, version) is None:
        raise NoSuchContextVersion
    return list_readers(tx, scope, context.id, version, skip, limit)


async def compare_versions(db: Database, scope: Scope, named: Named, since: int, until: int | None) -> list[JsonObject]:
    """The JSON Patch from one version to another, by default the current one; version 0 is `{}`.

    Raises NoSuchAgent, NotInitialized, NoSuchProject, NoSuchContextVersion.
    """

    def both(tx: Tx) -> tuple[JsonObject, JsonObject]:
        context = find_named_context(tx, scope, named)
        if context is not None:
            return reading_at(tx, context, since).data, reading_at(tx, context, until).data
        if since or until:
            raise NoSuchContextVersion
        return {}, {}

    before, after = await db.read_long(both)
    return await asyncio.to_thread(json_patch, before, after)
