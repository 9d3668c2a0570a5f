"""Calls of tasks. Written by `make docs`."""

from collections.abc import Sequence

from folkmoot.client import wire
from folkmoot.client.resources.runs import Run
from folkmoot.client.resources.tasks import Task, TaskPage, TaskResult
from folkmoot.client.wire import Call
from folkmoot.kernel.json import JsonObject


def start_run(
    task_id: str,
    *,
    wait: float | None = None,
    team: str | Sequence[str] | None = None,
    documents: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
    plan_approval: bool | None = None,
    step_timeout_seconds: int | None = None,
    priority: str | None = None,
    max_rounds: int | None = None,
    max_revision_rounds: int | None = None,
    memory_size: int | None = None,
    deadline_seconds: int | None = None,
    budget: JsonObject | None = None,
    metadata: JsonObject | None = None,
    idempotency_key: str | None = None,
) -> Call[Run]:
    """Start a run of a task: the run, as it is after `wait` seconds or at its end."""
    return Call(
        "POST",
        "/api/runs",
        wire.one(Run),
        query={"wait": wait},
        body={
            "team": team,
            "documents": documents,
            "models": models,
            "plan_approval": plan_approval,
            "step_timeout_seconds": step_timeout_seconds,
            "priority": priority,
            "max_rounds": max_rounds,
            "max_revision_rounds": max_revision_rounds,
            "memory_size": memory_size,
            "deadline_seconds": deadline_seconds,
            "budget": budget,
            "metadata": metadata,
            "task_id": task_id,
        },
        is_long=True,
        takes_key=True,
        key=idempotency_key,
    )


def list_tasks(*, status: str | None = None, skip: int | None = None, limit: int | None = None) -> Call[TaskPage]:
    """Newest first."""
    return Call("GET", "/api/tasks", wire.one(TaskPage), query={"status": status, "skip": skip, "limit": limit})


def create_task(
    *,
    name: str | None = None,
    description: str | None = None,
    config: JsonObject | None = None,
    team: str | Sequence[str] | None = None,
    priority: str | None = None,
    max_rounds: int | None = None,
    max_revision_rounds: int | None = None,
    memory_size: int | None = None,
    budget: JsonObject | None = None,
) -> Call[Task]:
    """A task starts nothing; `POST /api/runs` does."""
    return Call(
        "POST",
        "/api/tasks",
        wire.one(Task),
        body={
            "name": name,
            "description": description,
            "config": config,
            "team": team,
            "priority": priority,
            "max_rounds": max_rounds,
            "max_revision_rounds": max_revision_rounds,
            "memory_size": memory_size,
            "budget": budget,
        },
    )


def get_task(task_id: str, *, with_cursor: bool | None = None) -> Call[Task]:
    return Call(
        "GET", wire.path("/api/tasks/{task_id}", task_id=task_id), wire.one(Task), query={"with_cursor": with_cursor}
    )


def change_task(
    task_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    config: JsonObject | None = None,
    team: str | Sequence[str] | None = None,
    priority: str | None = None,
    max_rounds: int | None = None,
    max_revision_rounds: int | None = None,
    memory_size: int | None = None,
    budget: JsonObject | None = None,
) -> Call[Task]:
    """Not while a run of it is live."""
    return Call(
        "PATCH",
        wire.path("/api/tasks/{task_id}", task_id=task_id),
        wire.one(Task),
        body={
            "name": name,
            "description": description,
            "config": config,
            "team": team,
            "priority": priority,
            "max_rounds": max_rounds,
            "max_revision_rounds": max_revision_rounds,
            "memory_size": memory_size,
            "budget": budget,
        },
    )


def delete_task(task_id: str, *, cancel: bool | None = None) -> Call[None]:
    """Its runs are kept."""
    return Call("DELETE", wire.path("/api/tasks/{task_id}", task_id=task_id), wire.nothing, query={"cancel": cancel})


def execute_operation(
    agent_id: str | int,
    operation: str,
    *,
    parameters: JsonObject | None = None,
    priority: str | None = None,
    timeout_seconds: int | None = None,
    idempotency_key: str | None = None,
) -> Call[TaskResult]:
    """Have the agent do it and wait: its class, where that has a method for it, else its language model."""
    return Call(
        "POST",
        wire.path("/api/agents/{agent_id}/execute", agent_id=agent_id),
        wire.one(TaskResult),
        body={
            "operation": operation,
            "parameters": parameters,
            "priority": priority,
            "timeout_seconds": timeout_seconds,
        },
        is_long=True,
        takes_key=True,
        key=idempotency_key,
    )
