"""Who acts, and where: every query takes a Scope, so no row is reached by its id alone."""

from dataclasses import dataclass
from typing import Literal

ActorKind = Literal["user", "agent", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    kind: ActorKind
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Scope:
    """One workspace and, in it, the project that new things are put into."""

    workspace_id: str
    project_id: str
    actor: Actor


SYSTEM = Actor(kind="system", id="system", name="Folkmoot")
