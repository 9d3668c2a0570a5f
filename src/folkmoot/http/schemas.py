"""The wire shapes every room shares."""

from pydantic import BaseModel, Field


class Page(BaseModel):
    """Base of list answers: `class TaskPage(Page): tasks: list[TaskView]`."""

    total: int = Field(examples=[1])
    skip: int = Field(examples=[0])
    limit: int = Field(examples=[50])
