"""What the wire shows of a run, made from its rows; read units that answer a whole view."""

from folkmoot.db.tx import Tx
from folkmoot.events.frames import view
from folkmoot.events.queries import last_seq_about, latest_seq, list_events
from folkmoot.events.rules import about
from folkmoot.kernel.clock import iso, now
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.approval_queries import pending_approvals
from folkmoot.runs.artifacts import get_artifact, get_artifact_by_id, list_artifacts
from folkmoot.runs.logs import line_of, wanted
from folkmoot.runs.queries import get_run, journal, list_runs
from folkmoot.runs.rules import FINAL, PRIORITY_NAMES
from folkmoot.runs.schemas import ArtifactView, ForkedFrom, Level, RunEvents, RunLogs, RunUsage, RunView
from folkmoot.runs.tables import Artifact, Run

_SAME = (
    *("id", "workspace_id", "project_id", "kind", "title", "task_id", "conversation_id", "parent_run_id"),
    *("root_run_id", "retry_of", "run_number", "status", "waiting_for", "stop_reason", "error_code"),
    *("error_message", "round_count", "deadline_at", "created_at", "updated_at", "started_at", "completed_at"),
)


def run_view(run: Run, cursor: int | None = None) -> RunView:
    return RunView.model_validate(
        {
            **{name: getattr(run, name) for name in _SAME},
            "pausing": run.is_pausing,
            "priority": PRIORITY_NAMES[run.priority],
            "plan": run.plan,
            "results": run.result,
            "metadata": run.meta_data,
            "duration_seconds": _duration(run),
            "cursor": cursor,
            "usage": _usage(run),
        }
    )


def run_changes(run: Run) -> JsonObject:
    """What a run's worker and its moves change of the view, `plan` and `results` apart: facts of their own tell those.

    How long it took so far is not told: that passes by itself.
    """
    changes: JsonObject = {name: getattr(run, name) for name in ("id", "status", "waiting_for", "stop_reason")}
    changes |= {"error_code": run.error_code, "error_message": run.error_message, "round_count": run.round_count}
    changes |= {"pausing": run.is_pausing, "usage": _usage(run).model_dump()}
    for name in ("deadline_at", "updated_at", "started_at", "completed_at"):
        at = getattr(run, name)
        changes[name] = None if at is None else iso(at)
    if run.completed_at is not None:
        changes["duration_seconds"] = _duration(run)
    return changes


def _usage(run: Run) -> RunUsage:
    return RunUsage(
        input_tokens=run.input_tokens,
        output_tokens=run.output_tokens,
        cost_usd=None if run.cost is None else format(run.cost, "f"),
        model_calls=run.model_calls,
    )


def _duration(run: Run) -> float | None:
    """From the first start to the end, or to now while it lives."""
    if run.started_at is None:
        return None
    return round(((run.completed_at or now()) - run.started_at).total_seconds(), 3)


def show_run(tx: Tx, scope: Scope, run_id: str, *, with_cursor: bool) -> RunView:
    """Raises NoSuchRun."""
    run = get_run(tx, scope, run_id)
    view = run_view(run, latest_seq(tx, run.workspace_id) if with_cursor else None)
    approvals = [] if run.status in FINAL else pending_approvals(tx, run.id)
    return view.model_copy(update={"approvals": approvals, "forked_from": _forked_from(tx, run)})


def _forked_from(tx: Tx, run: Run) -> ForkedFrom | None:
    (begun,) = journal(tx, run.id, limit=1)
    taken = begun.data.get("forked_from")
    return None if taken is None else ForkedFrom.model_validate(taken)


def show_runs(tx: Tx, scope: Scope, filters: dict[str, str], skip: int, limit: int) -> tuple[list[RunView], int]:
    runs, total = list_runs(tx, scope, filters, skip, limit)
    return [run_view(run) for run in runs], total


def show_logs(tx: Tx, scope: Scope, run_id: str, after: int, limit: int, level: Level) -> RunLogs:
    """At most `limit` journal entries past `after`, those of at least that level. Raises NoSuchRun."""
    run = get_run(tx, scope, run_id)
    entries = journal(tx, run.id, after, limit)
    lines = [line for entry in entries if wanted((line := line_of(entry)).level, level)]
    return RunLogs(logs=lines, next=entries[-1].seq if entries else after)


def show_events(tx: Tx, scope: Scope, run_id: str, after: int, limit: int) -> RunEvents:
    """The run's events with a workspace seq past `after`. Raises NoSuchRun."""
    run = get_run(tx, scope, run_id)
    events = list_events(tx, run.workspace_id, after, limit, about("run_id", run.id))
    return RunEvents(events=[view(event) for event in events], next=events[-1].seq if events else after)


def is_told(tx: Tx, scope: Scope, run_id: str, after: int) -> bool:
    """Whether the run has ended and all its events are at or before `after`. Raises NoSuchRun."""
    run = get_run(tx, scope, run_id)
    return run.status in FINAL and last_seq_about(tx, run.workspace_id, ("run_id", run.id)) <= after


def show_artifacts(tx: Tx, scope: Scope, run_id: str, named: str | None) -> list[ArtifactView]:
    """Every version of every name, or of one, without the bodies. Raises NoSuchRun."""
    run = get_run(tx, scope, run_id)
    return [artifact_view(row) for row in list_artifacts(tx, run.id, named)]


def artifact_view(row: Artifact) -> ArtifactView:
    return ArtifactView.model_validate({name: getattr(row, name) for name in ArtifactView.model_fields})


def read_artifact(tx: Tx, scope: Scope, run_id: str, named: str, version: int | None) -> Artifact:
    """An artifact by its id, or the latest or given version of a name. Raises NoSuchRun, NoSuchArtifact."""
    run = get_run(tx, scope, run_id)
    return get_artifact_by_id(tx, run.id, named) if is_id(named) else get_artifact(tx, run.id, named, version)
