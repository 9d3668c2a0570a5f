"""Who speaks next and when a conversation has come to its end, for each way of having one. Pure."""

from collections.abc import Collection, Sequence
from typing import Annotated

from pydantic import Field

from folkmoot.teams.rules import Form

HANDOFF, DELEGATE = "handoff", "delegate"
"""The tools by which a speaker passes the word on, and a supervisor hands out work."""


class Remark(Form):
    """What somebody says whose turn has come; `finish`: from where he sits the task is done."""

    text: Annotated[str, Field(min_length=1, max_length=40_000)]
    finish: bool = False


class Choice(Form):
    """A moderator's decision: who speaks next, or that enough has been said."""

    next: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    finish: bool = False
    reason: Annotated[str, Field(max_length=2000)] = ""


def check_choice(choice: Choice, slugs: Collection[str], last: str | None) -> None:
    """Raises ValueError: nobody of that name may speak next."""
    if choice.finish:
        return
    allowed = others(slugs, last)
    if choice.next not in allowed:
        raise ValueError(f"{choice.next} cannot speak next; {', '.join(allowed)} can")


def others(slugs: Collection[str], last: str | None) -> list[str]:
    """Who may speak next: nobody twice running, unless there is nobody else."""
    return [slug for slug in slugs if slug != last] or [*slugs]


def fallback(slugs: Collection[str], spoken: Sequence[str]) -> str:
    """Who speaks next where the moderator named nobody: who has spoken least, then by seat."""
    candidates = others(slugs, spoken[-1] if spoken else None)
    return min(candidates, key=lambda slug: (spoken.count(slug), candidates.index(slug)))
