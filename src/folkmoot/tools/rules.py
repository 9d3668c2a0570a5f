"""What a tool may do without asking anybody. Pure."""

from dataclasses import dataclass
from typing import Literal

Risk = Literal["read", "write", "external"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Whether agents of a workspace may use a tool, and whether a person has to agree to every call first."""

    is_allowed: bool
    needs_approval: bool


def default_policy(risk: Risk, *, is_on: bool) -> Policy:
    """Reading is free; what writes or leaves the workspace is asked for, until an owner says otherwise."""
    return Policy(is_allowed=is_on, needs_approval=risk != "read")
