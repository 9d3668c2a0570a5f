"""The tools that exist only inside a conversation: passing the word on, and handing work to a member."""

from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.kernel.errors import Invalid
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.teams.conversation.rules import DELEGATE, HANDOFF
from folkmoot.teams.conversation.state import TalkState
from folkmoot.teams.team import Role
from folkmoot.tools.registry import Tool, ToolContext, planned_tool

CHILD_KIND = "task"
"""Delegated work is a run of its own, of the kind that puts one question to one agent."""

_TITLE_CHARACTERS = 120


class NobodyToGoOn(Invalid):
    """The team has nobody of that name who could go on"""


class TooMuchDelegated(Invalid):
    """No further work can be handed out in this run"""


class Handoff(BaseModel):
    """Hand the word to another member of the team, who goes on in your place. Nothing else you do counts any more."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    to: Annotated[str, Field(min_length=1, max_length=255, description="Who goes on")]
    message: Annotated[str, Field(max_length=4000, description="Why, and what is still to be done")] = ""


class Delegate(BaseModel):
    """Give a member of the team a part of the work, and get its result. The member knows nothing but what you say."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    member: Annotated[str, Field(min_length=1, max_length=255, description="Who does it")]
    task: Annotated[str, Field(min_length=1, max_length=20_000, description="What is to be done, and by what measure")]
    context: Annotated[str, Field(max_length=20_000, description="What the member needs to know for it")] = ""


def own_tools(state: TalkState) -> tuple[Tool, ...]:
    """What the speaker may use beside the tools of its seat."""
    match state.given.team.orchestration:
        case "handoff" if state.successors:
            return (_handoff(state),)
        case "supervisor" if state.delegations_left > 0:
            return (_delegate(state),)
        case _:
            return ()


def _handoff(state: TalkState) -> Tool:
    async def plan(_: ToolContext, given: Handoff) -> JsonObject:
        wanted = given.to.casefold()
        for role in state.speakers:
            if wanted in (role.slug.casefold(), role.name.casefold()) and role.slug in state.successors:
                return {"how": "handoff", "to": role.slug, "message": given.message}
        raise NobodyToGoOn(f"Nobody of that name can go on. There are: {', '.join(state.successors)}")

    return _with_choices(planned_tool(HANDOFF, Handoff, plan), "to", state.successors)


def _delegate(state: TalkState) -> Tool:
    """Calls of one answer are planned one after the other, so that together they keep to the limit."""
    left = state.delegations_left

    async def plan(_: ToolContext, given: Delegate) -> JsonObject:
        nonlocal left
        member = state.given.team.member(given.member)
        if member is None:
            slugs = ", ".join(role.slug for role in state.given.team.members)
            raise NobodyToGoOn(f"The team has no member {given.member[:64]}. Members: {slugs}")
        if left <= 0:
            raise TooMuchDelegated
        left -= 1
        return _child(state, member, given)

    return _with_choices(planned_tool(DELEGATE, Delegate, plan), "member", [r.slug for r in state.given.team.members])


def _child(state: TalkState, member: Role, given: Delegate) -> JsonObject:
    who: JsonObject = member.model_dump(mode="json", exclude={"slug", "title"})
    models: list[Json] = [*(member.models or state.given.models)]
    documents: list[Json] = [document.id for document in state.given.documents]
    asked: JsonObject = {
        "speaker": {**who, "models": models},
        "text": f"{given.task}\n\n## Context\n{given.context}" if given.context else given.task,
        "documents": documents,
    }
    return {
        "how": "spawn",
        "kind": CHILD_KIND,
        "title": given.task[:_TITLE_CHARACTERS],
        "input": asked,
        "agent_id": member.agent_id,
    }


def _with_choices(tool: Tool, name: str, choices: list[str]) -> Tool:
    """The tool with the only values that an argument may have in its schema."""
    listed: list[Json] = [*choices]
    properties = tool.parameters["properties"]
    assert isinstance(properties, dict), "it has arguments"
    known = properties[name]
    assert isinstance(known, dict), "this is one of them"
    changed: JsonObject = {**properties, name: {**known, "enum": listed}}
    return replace(tool, parameters={**tool.parameters, "properties": changed})
