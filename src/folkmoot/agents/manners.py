"""What kinds of agents have of their own in a turn: tools made for the moment, material for the prompt, a form."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import field, replace

from folkmoot.agents.calls import Asking, ask_for_turn
from folkmoot.agents.turn import Turn
from folkmoot.kernel.values import fixed
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.messages import Message, System
from folkmoot.runs.journal import Live, Outcome
from folkmoot.runs.tables import Run
from folkmoot.tools.registry import Tool, ToolContext, ToolRegistry

DELEGATING = "delegating"
"""The manner of every agent whose config says `may_delegate`, where its type has none of its own."""


def _as_it_is(outcome: Outcome) -> Outcome:
    return outcome


@fixed(kw_only=True)
class Moment:
    """A question that is about to be asked, as for any agent. `context` is for whom tool calls are planned.

    `told` is put between the answer and the journal.
    """

    run: Run
    turn: Turn
    question: str
    asking: Asking
    tools: ToolRegistry
    context: ToolContext
    told: Callable[[Outcome], Outcome] = field(default=_as_it_is)


Manner = Callable[[Moment], Awaitable[Moment]]
Manners = Mapping[str, Manner]
"""By the type of agent."""


async def ask_in_manner(gateway: Gateway, manner: Manner | None, moment: Moment, live: Live | None = None) -> Outcome:
    """As `ask_for_turn`, for an agent that may have a manner of its own."""
    if manner is not None:
        moment = await manner(moment)
    return moment.told(await ask_for_turn(gateway, moment.tools, moment.asking, live))


def manner_of(manners: Manners, agent_type: str, *, may_delegate: bool) -> Manner | None:
    return manners.get(agent_type) or (manners.get(DELEGATING) if may_delegate else None)


def with_tools(moment: Moment, own: Iterable[Tool], text: str) -> Moment:
    """The moment with these tools beside the agent's own, and `text` at the end of its instructions."""
    offered = moment.context.offered or ()
    made = {tool.name: tool for tool in own}
    others = [moment.tools.tool(name) for name in offered if name not in made]
    names = (*(tool.name for tool in others), *made)
    context = replace(moment.context, offered=names)
    asking = replace(
        moment.asking,
        tools=names,
        context=context,
        messages=instructed(moment.asking.messages, text),
        is_cacheable=False,
    )
    return replace(moment, asking=asking, context=context, tools=ToolRegistry((*others, *made.values())))


def instructed(messages: tuple[Message, ...], text: str) -> tuple[Message, ...]:
    """The messages with `text` at the end of what the agent is instructed."""
    match messages:
        case (System(text=known), *rest):
            return (System(f"{known}\n\n{text}"), *rest)
        case _:
            return (System(text), *messages)
