"""Calls of runs. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.runs import (
    ArtifactPage,
    Run,
    RunDiff,
    RunEvents,
    RunJournal,
    RunLogs,
    RunPage,
    RunReplay,
)
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


def list_run_artifacts(
    run_id: str, *, name: str | None = None, skip: int | None = None, limit: int | None = None
) -> Call[ArtifactPage]:
    """Every version of every name, by name and version."""
    return Call(
        "GET",
        wire.path("/api/runs/{run_id}/artifacts", run_id=run_id),
        wire.one(ArtifactPage),
        query={"name": name, "skip": skip, "limit": limit},
    )


def get_run_artifact(run_id: str, name: str, *, version: int | None = None) -> Call[bytes]:
    """An artifact as it was kept: a download, never a page. Its ETag is its SHA-256."""
    return Call(
        "GET",
        wire.path("/api/runs/{run_id}/artifacts/{name}", run_id=run_id, name=name),
        wire.raw,
        query={"version": version},
    )


def list_run_journal(run_id: str, *, after: int | None = None, limit: int | None = None) -> Call[RunJournal]:
    """What the run stands for, entry by entry. Prompts are recipes and hashes in it, secrets are hidden."""
    return Call(
        "GET",
        wire.path("/api/runs/{run_id}/journal", run_id=run_id),
        wire.one(RunJournal),
        query={"after": after, "limit": limit},
    )


def compare_runs(run_id: str, other: str) -> Call[RunDiff]:
    """Where the two journals differ, apart from times, ids, usage and control."""
    return Call("GET", wire.path("/api/runs/{run_id}/diff", run_id=run_id), wire.one(RunDiff), query={"other": other})


def replay_run(run_id: str, *, after: int | None = None, limit: int | None = None) -> Call[RunReplay]:
    """The run told again from its journal alone, also where its events are pruned: no language model is asked."""
    return Call(
        "GET",
        wire.path("/api/runs/{run_id}/replay", run_id=run_id),
        wire.one(RunReplay),
        query={"after": after, "limit": limit},
    )


def fork_run(
    run_id: str,
    after_seq: int,
    *,
    wait: float | None = None,
    input: JsonObject | None = None,
    idempotency_key: str | None = None,
) -> Call[Run]:
    """Start a run over the journal up to a position. What was only begun there is begun anew."""
    return Call(
        "POST",
        wire.path("/api/runs/{run_id}/fork", run_id=run_id),
        wire.one(Run),
        query={"wait": wait},
        body={"after_seq": after_seq, "input": input},
        is_long=True,
        takes_key=True,
        key=idempotency_key,
    )


def retry_run(run_id: str, *, wait: float | None = None, idempotency_key: str | None = None) -> Call[Run]:
    """Start a run over the journal up to the fault that ended it, or, where it was stopped, over all of it."""
    return Call(
        "POST",
        wire.path("/api/runs/{run_id}/retry", run_id=run_id),
        wire.one(Run),
        query={"wait": wait},
        is_long=True,
        takes_key=True,
        key=idempotency_key,
    )
