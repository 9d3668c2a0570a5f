"""When a run stands still, and on what. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from folkmoot.runs.journal import Action, Ask, Call, Spawn, Use, Wait
from folkmoot.runs.rules import RunStatus, WaitingFor


@dataclass(frozen=True, slots=True)
class Rest:
    """What a run becomes that has nothing to do now; `wake_at` is when it has, whoever else is slower."""

    status: RunStatus
    waiting_for: WaitingFor
    wake_at: datetime | None


def rest_of(
    wanted: Sequence[Action], begun: Collection[str], later: Mapping[str, datetime], at: datetime
) -> Rest | None:
    """What a run with nothing in flight waits for; None where something that is wanted may start now.

    `begun` are the keys of what people and children were asked for, `later` the calls and uses that may be tried
    again only then. A person comes before a child, and a child before time: a run that waits for several shows
    who is the least sure to come.
    """
    if not all(_stands(action, begun, later, at) for action in wanted):
        return None
    times = [action.until for action in wanted if isinstance(action, Wait)]
    times += [later[action.key] for action in wanted if isinstance(action, Call | Use)]
    wake_at = min(times, default=None)
    if any(isinstance(action, Ask) for action in wanted):
        return Rest(RunStatus.AWAITING_APPROVAL, WaitingFor.PERSON, wake_at)
    if any(isinstance(action, Spawn) for action in wanted):
        return Rest(RunStatus.PENDING, WaitingFor.CHILD, wake_at)
    return Rest(RunStatus.PENDING, WaitingFor.TIME, wake_at) if wake_at else None


def _stands(action: Action, begun: Collection[str], later: Mapping[str, datetime], at: datetime) -> bool:
    match action:
        case Ask() | Spawn():
            return action.key in begun
        case Wait():
            return action.until > at
        case Call() | Use():
            return action.key in later and later[action.key] > at
        case _:
            return False


def is_new(before: Sequence[Action], after: Sequence[Action], begun: Collection[str], at: datetime) -> bool:
    """Whether a run that stands still must go on: something may start, or is waited for no more, unlike before."""
    known = {action.key for action in before}
    if known - {action.key for action in after}:
        return True
    return any(action.key not in known and not _stands(action, begun, {}, at) for action in after)
