"""What routes may ask for of tasks: a task's id, the defaults of new ones, a client's Idempotency-Key."""

from typing import Annotated

from fastapi import Depends, Header, Path
from starlette.requests import HTTPConnection

from folkmoot.http.text import Line
from folkmoot.kernel.ids import checked_id
from folkmoot.tasks.queries import NoSuchTask
from folkmoot.tasks.rules import TaskDefaults


async def _task_id(task_id: Annotated[str, Path(description="The task's id")]) -> str:
    return checked_id(task_id, NoSuchTask)


async def _defaults(connection: HTTPConnection) -> TaskDefaults:
    defaults: TaskDefaults = connection.app.state.task_defaults
    return defaults


TaskId = Annotated[str, Depends(_task_id)]
Defaults = Annotated[TaskDefaults, Depends(_defaults)]
IdempotencyKey = Annotated[Line | None, Header(description="The same key and body within 24 hours answer the same run")]
