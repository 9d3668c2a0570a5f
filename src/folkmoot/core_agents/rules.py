"""What a designed agent is: the form a language model fills in, and the template where it cannot. Pure."""

from collections.abc import Collection
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from folkmoot.kernel.json import JsonObject

MOST_DELEGATIONS = 8
MOST_DEPTH = 2
"""Runs between one that delegates and the first: a run at this depth hands nothing on."""

PROMPT_CHARACTERS = 8_000
"""The longest system prompt that is designed."""

SpecSource = Literal["llm", "template"]
Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class AgentSpec(BaseModel):
    """An agent as it is designed. `tools` are names of those it may have; `model` is None for the default one."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    role: Phrase
    capabilities: Annotated[tuple[Phrase, ...], Field(min_length=1, max_length=32)]
    system_prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=20, max_length=PROMPT_CHARACTERS)]
    tools: Annotated[tuple[str, ...], Field(max_length=32)] = ()
    model: Annotated[str, Field(max_length=255)] | None = None
    success_criteria: Annotated[tuple[Phrase, ...], Field(max_length=16)] = ()


class DesignInput(BaseModel):
    """What an agent is designed for, as the journal holds it.

    `agent_id` is the id it will have. `maker_tools` are the maker's own where an agent makes it, None for a person's
    agent, which may have whatever the workspace allows.
    """

    model_config = ConfigDict(frozen=True)

    role: str
    capabilities: tuple[str, ...]
    reason: str
    name: str | None = None
    ttl_seconds: int | None = None
    agent_id: str
    generator_id: str
    generator_name: str
    instructions: str = ""
    models: tuple[str, ...] = ()
    by: dict[str, str]
    maker_tools: tuple[str, ...] | None = None
    maker_budget: JsonObject | None = None


def check_spec(spec: AgentSpec, allowed: Collection[str]) -> None:
    """Raises ValueError where it asks for more than it may have."""
    if unknown := [name for name in spec.tools if name not in allowed]:
        raise ValueError(f"tools: {', '.join(unknown)[:200]} cannot be had; {', '.join(allowed) or 'no tool'} can")


def template(given: DesignInput) -> AgentSpec:
    """The agent that follows from the request alone, with no tools."""
    role = _phrase(given.role)
    capabilities = tuple(dict.fromkeys(_phrase(each) for each in given.capabilities))
    prompt = (
        f"You are {role}. You were made for this: {_phrase(given.reason)}.\n"
        f"What you can do: {', '.join(capabilities)}.\n"
        "Keep to your role. Answer with the whole result, name the assumptions you make, and say what you cannot do."
    )
    return AgentSpec(
        name=_phrase(given.name or given.role)[:120].strip(),
        role=role,
        capabilities=capabilities,
        system_prompt=prompt[:PROMPT_CHARACTERS],
        success_criteria=("The answer fits the role and does what was asked",),
    )


def instructions_of(spec: AgentSpec) -> str:
    """What the agent is instructed: its prompt, and by what its success is told."""
    if not spec.success_criteria:
        return spec.system_prompt
    criteria = "\n".join(f"- {each}" for each in spec.success_criteria)
    return f"{spec.system_prompt}\n\nYou have done well if:\n{criteria}"


def prompt_hash(spec: AgentSpec) -> str:
    """SHA-256 of what the agent is instructed, in hexadecimal."""
    return sha256(instructions_of(spec).encode()).hexdigest()


def _phrase(text: str) -> str:
    return " ".join(text.split())[:200].strip() or "Agent"
