"""What the practice model does where it has a say in who goes on: it passes the word round once, then it is content."""

import re
from collections.abc import Sequence

from folkmoot.kernel.json import JsonObject
from folkmoot.llm.messages import ToolSchema
from folkmoot.llm.practice.drafts import MARK, work
from folkmoot.llm.practice.prompt import Prompt, keywords

_MOST_DELEGATED = 8
_ASKS_FOR_AGENT = re.compile(
    r"(?i)\b(?:make|create|design|generate|build|need|want)\b[^.?!]{0,40}?\bagents?\b([^.?!]*)"
)
_SPOKEN = re.compile(r"(?m)^###\s+([\w-]+)")
_TURNS = re.compile(r"([\w-]+): spoke (\d+) times")


def handoff(tool: ToolSchema, prompt: Prompt) -> JsonObject | None:
    """The word goes to whoever has not had it yet; None where all have."""
    spoken = set(_SPOKEN.findall(prompt.sections.get("statements", "")))
    following = next((name for name in _choices(tool, "to") if name not in spoken), None)
    return None if following is None else {"to": following, "message": f"{MARK} You have not spoken yet."}


def delegations(tool: ToolSchema, prompt: Prompt) -> list[JsonObject]:
    """The whole task for each member, once; of agents for the one that is named in it, else the first.

    Nothing more when results are there.
    """
    if prompt.has_results:
        return []
    if agents := _choices(tool, "agent"):
        named = next((slug for slug in agents if slug in prompt.task.lower()), agents[0])
        return [{"agent": named, "task": prompt.task}]
    return [{"member": name, "task": prompt.task} for name in _choices(tool, "member")[:_MOST_DELEGATED]]


def wanted_agent(prompt: Prompt) -> JsonObject | None:
    """The agent that somebody asks for in so many words, to be made once."""
    asked = _ASKS_FOR_AGENT.search(prompt.task)
    if asked is None or prompt.has_results:
        return None
    role = " ".join(f"Agent {asked[1]}".split())[:120]
    return {"role": role, "capabilities": [*(keywords(asked[1])[:5] or ["chat"])], "reason": prompt.task[:500]}


def choice(prompt: Prompt, options: Sequence[str]) -> JsonObject:
    """A moderator's: who has spoken least goes on, until each has spoken."""
    counts = {name: int(times) for name, times in _TURNS.findall(prompt.sections.get("turns", ""))}
    is_enough = bool(counts) and all(counts.values())
    following = min(options, key=lambda name: (counts.get(name, 0), list(options).index(name)), default=None)
    return {"next": None if is_enough else following, "finish": is_enough, "reason": f"{MARK} Each in turn."}


def remark(prompt: Prompt) -> JsonObject:
    """Content as soon as somebody else has spoken."""
    return {"text": work(prompt), "finish": bool(prompt.sections.get("statements"))}


def _choices(tool: ToolSchema, name: str) -> list[str]:
    properties = tool.parameters.get("properties")
    known = properties.get(name) if isinstance(properties, dict) else None
    listed = known.get("enum") if isinstance(known, dict) else None
    return [option for option in listed if isinstance(option, str)] if isinstance(listed, list) else []


def publication(prompt: Prompt) -> JsonObject:
    """Whatever is proposed is let through: what it is worth cannot be told without a language model."""
    return {"publish": True, "reason": f"{MARK} nothing was judged"}
