"""Calls of runs. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.runs import ArtifactPage, Run, RunEvents, RunLogs, RunPage
from folkmoot.client.wire import Call
from folkmoot.kernel.json import JsonObject


def list_runs(
    *,
    kind: str | None = None,
    status: str | None = None,
    task_id: str | None = None,
    skip: int | None = None,
    limit: int | None = None,
) -> Call[RunPage]:
    """Newest first. Replies are left out unless `kind` asks for them."""
    return Call(
        "GET",
        "/api/runs",
        wire.one(RunPage),
        query={"kind": kind, "status": status, "task_id": task_id, "skip": skip, "limit": limit},
    )


def get_run(run_id: str, *, with_cursor: bool | None = None) -> Call[Run]:
    return Call(
        "GET", wire.path("/api/runs/{run_id}", run_id=run_id), wire.one(Run), query={"with_cursor": with_cursor}
    )


def change_run(run_id: str, *, metadata: JsonObject | None = None, priority: str | None = None) -> Call[Run]:
    """Metadata is replaced whole; a priority counts for runs that wait for a slot."""
    return Call(
        "PATCH",
        wire.path("/api/runs/{run_id}", run_id=run_id),
        wire.one(Run),
        body={"metadata": metadata, "priority": priority},
    )


def delete_run(run_id: str, *, cancel: bool | None = None) -> Call[None]:
    return Call("DELETE", wire.path("/api/runs/{run_id}", run_id=run_id), wire.nothing, query={"cancel": cancel})


def wait_for_run(run_id: str, *, timeout: float | None = None) -> Call[Run]:
    """The run once it has ended, or as it is after `timeout` seconds."""
    return Call(
        "GET",
        wire.path("/api/runs/{run_id}/wait", run_id=run_id),
        wire.one(Run),
        query={"timeout": timeout},
        is_long=True,
    )


def list_run_logs(
    run_id: str, *, after: int | None = None, limit: int | None = None, level: str | None = None
) -> Call[RunLogs]:
    """The run's journal as sentences. A page may hold fewer lines than `limit`; go on from `next`."""
    return Call(
        "GET",
        wire.path("/api/runs/{run_id}/logs", run_id=run_id),
        wire.one(RunLogs),
        query={"after": after, "limit": limit, "level": level},
    )


def list_run_events(run_id: str, *, after: int | None = None, limit: int | None = None) -> Call[RunEvents]:
    """The run's events; `after` and `next` are workspace seqs, as everywhere, not `run_seq`."""
    return Call(
        "GET",
        wire.path("/api/runs/{run_id}/events", run_id=run_id),
        wire.one(RunEvents),
        query={"after": after, "limit": limit},
    )


def cancel_run(run_id: str) -> Call[Run]:
    """Also settles a run whose worker is gone; what it has made so far is kept."""
    return Call("POST", wire.path("/api/runs/{run_id}/cancel", run_id=run_id), wire.one(Run))


def pause_run(run_id: str) -> Call[Run]:
    """Nothing new starts; the run is paused once what is in flight has ended."""
    return Call("POST", wire.path("/api/runs/{run_id}/pause", run_id=run_id), wire.one(Run))


def resume_run(run_id: str) -> Call[Run]:
    return Call("POST", wire.path("/api/runs/{run_id}/resume", run_id=run_id), wire.one(Run))


def list_run_artifacts(run_id: str, *, skip: int | None = None, limit: int | None = None) -> Call[ArtifactPage]:
    """Every version of every name, by name and version."""
    return Call(
        "GET",
        wire.path("/api/runs/{run_id}/artifacts", run_id=run_id),
        wire.one(ArtifactPage),
        query={"skip": skip, "limit": limit},
    )


def get_run_artifact(run_id: str, name: str, *, version: int | None = None) -> Call[str]:
    """An artifact's text as it was written: a download, never a page."""
    return Call(
        "GET",
        wire.path("/api/runs/{run_id}/artifacts/{name}", run_id=run_id, name=name),
        wire.text,
        query={"version": version},
    )
