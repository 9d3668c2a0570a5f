"""The numbers of a task, pure: how many rounds and revisions it may take, and what its totals mean."""

from dataclasses import dataclass

from folkmoot.kernel.errors import NotFound

MAX_ROUNDS = 20
MAX_REVISION_ROUNDS = 5
MAX_MEMORY = 1000
DESCRIPTION_CHARACTERS = 100_000

DEFAULT_TEAM = "mgx"
AD_HOC = "ad-hoc"
"""What a team is called that was put together of agents for one task; no other has this slug."""


class NoSuchTeam(NotFound):
    """Team not found"""

    hint = "GET /api/teams lists those there are"


@dataclass(frozen=True, slots=True)
class TaskDefaults:
    """What a task has where nobody said otherwise; `max_rounds` is the setting MGX_MAX_ROUNDS."""

    max_rounds: int = 5
    max_revision_rounds: int = 2
    memory_size: int = 50


def success_rate(successful: int, failed: int) -> float:
    """0..1 over the runs that came to an end of their own; cancelled ones say nothing."""
    ended = successful + failed
    return round(successful / ended, 4) if ended else 0.0


def name_from(description: str, longest: int = 255) -> str:
    """A name for a task that was given none: its first words."""
    words = " ".join(description.split())
    return words if len(words) <= longest else f"{words[: longest - 3].rstrip()}..."
