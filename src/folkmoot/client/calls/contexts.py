"""Calls of contexts. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.contexts import Context, ContextPage, PatchOperation, ReaderPage, Rollback, VersionPage
from folkmoot.client.wire import Call
from folkmoot.kernel.json import JsonObject


def list_contexts(agent_id: str | int, *, skip: int | None = None, limit: int | None = None) -> Call[ContextPage]:
    """The agent's contexts by name."""
    return Call(
        "GET",
        wire.path("/api/agents/{agent_id}/contexts", agent_id=agent_id),
        wire.one(ContextPage),
        query={"skip": skip, "limit": limit},
    )


def read_context(
    agent_id: str | int, *, context_name: str | None = None, version: int | None = None, run_id: str | None = None
) -> Call[Context]:
    """What the agent keeps under the name; made empty, at version 0, when it is first read."""
    return Call(
        "GET",
        wire.path("/api/agents/{agent_id}/context", agent_id=agent_id),
        wire.one(Context),
        query={"context_name": context_name, "version": version, "run_id": run_id},
    )


def write_context(
    agent_id: str | int,
    data: JsonObject,
    *,
    change_description: str | None = None,
    created_by: str | None = None,
    expected_version: int | None = None,
    run_id: str | None = None,
    context_name: str | None = None,
) -> Call[Context]:
    """Write the whole state as the next version."""
    return Call(
        "POST",
        wire.path("/api/agents/{agent_id}/context", agent_id=agent_id),
        wire.one(Context),
        body={
            "data": data,
            "change_description": change_description,
            "created_by": created_by,
            "expected_version": expected_version,
            "run_id": run_id,
            "context_name": context_name,
        },
    )


def rollback_context(agent_id: str | int, target_version: int, *, context_name: str | None = None) -> Call[Rollback]:
    """Make an older version the current one; the next write is numbered after the newest all the same."""
    return Call(
        "POST",
        wire.path("/api/agents/{agent_id}/context/rollback", agent_id=agent_id),
        wire.one(Rollback),
        body={"target_version": target_version, "context_name": context_name},
    )


def list_context_versions(
    agent_id: str | int, *, context_name: str | None = None, skip: int | None = None, limit: int | None = None
) -> Call[VersionPage]:
    """Who wrote which version and why, newest first."""
    return Call(
        "GET",
        wire.path("/api/agents/{agent_id}/context/versions", agent_id=agent_id),
        wire.one(VersionPage),
        query={"context_name": context_name, "skip": skip, "limit": limit},
    )


def compare_context_versions(
    agent_id: str | int, from_: int, *, to: int | None = None, context_name: str | None = None
) -> Call[list[PatchOperation]]:
    """The JSON Patch (RFC 6902) that makes one version into the other."""
    return Call(
        "GET",
        wire.path("/api/agents/{agent_id}/context/diff", agent_id=agent_id),
        wire.many(PatchOperation),
        query={"from": from_, "to": to, "context_name": context_name},
    )


def list_context_readers(
    agent_id: str | int,
    version: int,
    *,
    context_name: str | None = None,
    skip: int | None = None,
    limit: int | None = None,
) -> Call[ReaderPage]:
    """The runs that have read the version, the last to come first."""
    return Call(
        "GET",
        wire.path("/api/agents/{agent_id}/context/versions/{version}/readers", agent_id=agent_id, version=version),
        wire.one(ReaderPage),
        query={"context_name": context_name, "skip": skip, "limit": limit},
    )


def list_project_contexts(project_id: str, *, skip: int | None = None, limit: int | None = None) -> Call[ContextPage]:
    """The contexts that the project's agents share, by name."""
    return Call(
        "GET",
        wire.path("/api/projects/{project_id}/contexts", project_id=project_id),
        wire.one(ContextPage),
        query={"skip": skip, "limit": limit},
    )


def read_project_context(
    project_id: str, name: str, *, version: int | None = None, run_id: str | None = None
) -> Call[Context]:
    """What the agents of the project share under the name; made empty, at version 0, when it is first read."""
    return Call(
        "GET",
        wire.path("/api/projects/{project_id}/contexts/{name}", project_id=project_id, name=name),
        wire.one(Context),
        query={"version": version, "run_id": run_id},
    )


def write_project_context(
    project_id: str,
    name: str,
    data: JsonObject,
    *,
    change_description: str | None = None,
    created_by: str | None = None,
    expected_version: int | None = None,
    run_id: str | None = None,
) -> Call[Context]:
    """Write the whole state as the next version."""
    return Call(
        "POST",
        wire.path("/api/projects/{project_id}/contexts/{name}", project_id=project_id, name=name),
        wire.one(Context),
        body={
            "data": data,
            "change_description": change_description,
            "created_by": created_by,
            "expected_version": expected_version,
            "run_id": run_id,
        },
    )


def rollback_project_context(project_id: str, name: str, target_version: int) -> Call[Rollback]:
    """Make an older version the current one; the next write is numbered after the newest all the same."""
    return Call(
        "POST",
        wire.path("/api/projects/{project_id}/contexts/{name}/rollback", project_id=project_id, name=name),
        wire.one(Rollback),
        body={"target_version": target_version},
    )


def list_project_context_versions(
    project_id: str, name: str, *, skip: int | None = None, limit: int | None = None
) -> Call[VersionPage]:
    """Who wrote which version and why, newest first."""
    return Call(
        "GET",
        wire.path("/api/projects/{project_id}/contexts/{name}/versions", project_id=project_id, name=name),
        wire.one(VersionPage),
        query={"skip": skip, "limit": limit},
    )


def compare_project_context_versions(
    project_id: str, name: str, from_: int, *, to: int | None = None
) -> Call[list[PatchOperation]]:
    """The JSON Patch (RFC 6902) that makes one version into the other."""
    return Call(
        "GET",
        wire.path("/api/projects/{project_id}/contexts/{name}/diff", project_id=project_id, name=name),
        wire.many(PatchOperation),
        query={"from": from_, "to": to},
    )


def list_project_context_readers(
    project_id: str, name: str, version: int, *, skip: int | None = None, limit: int | None = None
) -> Call[ReaderPage]:
    """The runs that have read the version, the last to come first."""
    return Call(
        "GET",
        wire.path(
            "/api/projects/{project_id}/contexts/{name}/versions/{version}/readers",
            project_id=project_id,
            name=name,
            version=version,
        ),
        wire.one(ReaderPage),
        query={"skip": skip, "limit": limit},
    )
