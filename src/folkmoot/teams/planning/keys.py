"""The keys of a planned run's journal: which action each stands for, and who acts under it."""

from folkmoot.teams.planning.state import PlanState

SUMMARY = "summary"


def plan_key(state: PlanState) -> str:
    return f"plan.{state.proposed + 1}"


def approval_key(state: PlanState) -> str:
    return f"plan.{state.proposed}.approval"


def review_key(state: PlanState) -> str:
    return f"r{state.round.number}.review"


def phase_of(key: str) -> str | None:
    match key.split("."):
        case ["plan", _]:
            return "plan"
        case [_, "s", *_]:
            return "work"
        case [_, "review"]:
            return "review"
        case ["summary"]:
            return "summary"
        case _:
            return None


def role_of(state: PlanState, key: str) -> str:
    """Who speaks under a key that was taken in."""
    team = state.given.team
    match key.split("."):
        case [number, "s", step_id, *_]:
            return state.turns[f"{number}.s.{step_id}"].plan.role
        case [_, "review"] if team.reviewer is not None:
            return team.reviewer.slug
        case _:
            return team.lead.slug
