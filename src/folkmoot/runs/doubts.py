"""A tool that may have been used already: whoever used it is gone, and nobody but a person can know how far it came."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from folkmoot.runs.folded import Begun
from folkmoot.runs.journal import Action, Ask, Fault, Use

_MAY_HAVE_HAPPENED = Fault(
    code="may_have_happened",
    sentence="The server stopped while this tool was at work; it may have taken effect and was not called again",
)


def cautious(wanted: Sequence[Action], begun: Mapping[str, Begun], here: Collection[str]) -> tuple[Action, ...]:
    """What is wanted, with a question to a person in the place of each unsafe use whose beginner is gone.

    `begun` is what the journal says of it, `here` are the keys that this very worker has begun. Pure.
    """
    return tuple(
        _question(action, begun[action.key].seq)
        if isinstance(action, Use) and is_in_doubt(action, begun, here)
        else action
        for action in wanted
    )


def is_in_doubt(use: Use, begun: Mapping[str, Begun], here: Collection[str]) -> bool:
    is_begun = use.key in begun and begun[use.key].what == "tool"
    return is_begun and use.effect == "unsafe" and use.key not in here


def _question(use: Use, intended_seq: int) -> Ask:
    """Of each time it was intended: it may be interrupted again."""
    return Ask(
        key=f"{use.key}.again{intended_seq}",
        group=use.group,
        subject="tool",
        question=f"The tool {use.tool} may already have been used with these arguments. Use it again?",
        detail={"tool": use.tool, "arguments": use.arguments, "may_have_happened": True},
        agent_id=use.agent_id,
        about=use.key,
    )


def refusal(said: str) -> Fault:
    """What the agent is told of a tool that is not used again."""
    if not said:
        return _MAY_HAVE_HAPPENED
    return replace(_MAY_HAVE_HAPPENED, sentence=f"{_MAY_HAVE_HAPPENED.sentence}: {said}")
