"""The wire shapes every room shares."""

from pydantic import BaseModel


class Page(BaseModel):
    """Base of list answers: `class TaskPage(Page): tasks: list[TaskView]`."""

    total: int
    skip: int
    limit: int
