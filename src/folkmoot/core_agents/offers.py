"""The definitions of the core agents, and of the agents that are designed. Users do not make agents of these."""

from folkmoot.agents.definitions import Offer
from folkmoot.agents.rules import CORE
from folkmoot.kernel.json import Json, JsonObject

DRIVER, CREATOR, GENERATOR = CORE
DYNAMIC = "dynamic"

_PASSED_ON = (
    *("search_knowledge", "calculate", "read_shared_context", "write_shared_context", "fetch_url", "ask_person"),
)
"""What Driver has beside its own tools, and with it the most that agents may have which it has made."""


def _with(instructions: str, *tools: str) -> JsonObject:
    listed: list[Json] = [*tools]
    told: JsonObject = {"instructions": {"default": " ".join(instructions.split())}}
    return {"properties": told | ({"tools": {"default": listed}} if tools else {})}


OFFERS = (
    Offer(
        slug=DRIVER,
        name="Driver",
        agent_type=DRIVER,
        description="Chief operator: takes a task, has others work on it, and answers with the result",
        capabilities=("chat", "delegation", "coordination"),
        own_schema=_with(
            """You are Driver, the chief operator. See that what you are asked for is done. Split it into parts that
            stand on their own, and give each to the agent that fits best, with everything it has to know: nobody sees
            this conversation. Check what comes back by what was asked for. Do small things yourself. Say what you
            could not do, and never claim what no agent and no tool has told you.""",
            *_PASSED_ON,
        ),
        is_hidden=True,
    ),
    Offer(
        slug=CREATOR,
        name="Creator",
        agent_type=CREATOR,
        description="Researches a topic in the workspace's knowledge and develops ideas from it, with citations",
        capabilities=("chat", "research", "ideas"),
        own_schema=_with(
            """You are Creator. You research a topic in the passages you are given and develop ideas from them. Keep
            apart what a passage says, which you cite, and what you conclude or propose yourself. Where the passages
            do not speak of it, say so."""
        ),
        is_hidden=True,
    ),
    Offer(
        slug=GENERATOR,
        name="Generator",
        agent_type=GENERATOR,
        description="Designs agents for a role that nobody here has yet",
        capabilities=("chat", "agent_design"),
        own_schema=_with(
            """You are Generator. You design agents: one role each, with what it has to know, how it works, what it
            must not do, and how its success is told. Give an agent the tools its role needs and no other.""",
            *_PASSED_ON,
        ),
        is_hidden=True,
    ),
    Offer(
        slug=DYNAMIC,
        name="Dynamic agent",
        agent_type=DYNAMIC,
        description="An agent that was designed for one role",
        capabilities=("chat",),
        is_hidden=True,
    ),
)
