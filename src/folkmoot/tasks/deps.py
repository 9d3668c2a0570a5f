"""What routes may ask for of tasks: a task's id, the defaults of new ones, a client's Idempotency-Key."""

from typing import Annotated

from fastapi import Depends, Header, Path
from starlette.requests import HTTPConnection

from folkmoot.http.text import Line
from folkmoot.kernel.ids import is_id
from folkmoot.tasks.queries import NoSuchTask
from folkmoot.tasks.rules import TaskDefaults


async def _task_id(task_id: Annotated[str, Path(description="The task's id")]) -> str:
    """What is no id names no task."""
    if not is_id(task_id):
        raise NoSuchTask
    return task_id.lower()


async def _defaults(connection: HTTPConnection) -> TaskDefaults:
    defaults: TaskDefaults = connection.app.state.task_defaults
    return defaults


TaskId = Annotated[str, Depends(_task_id)]
Defaults = Annotated[TaskDefaults, Depends(_defaults)]
IdempotencyKey = Annotated[Line | None, Header(description="The same key and body within 24 hours answer the same run")]
