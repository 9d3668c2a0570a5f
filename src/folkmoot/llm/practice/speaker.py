"""The practice model as a speaker, so that the gateway treats it like any other."""

import asyncio
import re
from collections.abc import Callable, Sequence
from hashlib import sha256

from folkmoot.kernel.json import Json, JsonObject, clean_text, dumps
from folkmoot.llm.gateway import Deltas, Request
from folkmoot.llm.messages import OutputSchema, ToolCall, ToolSchema
from folkmoot.llm.practice.drafts import agent_spec, material, plan, position, reply, research, summary, verdict
from folkmoot.llm.practice.moves import choice, delegations, handoff, publication, remark, wanted_agent
from folkmoot.llm.practice.prompt import Prompt, keywords, read_prompt
from folkmoot.llm.practice.schema import Filler, Material
from folkmoot.llm.speech import Speech

NAME = "practice"
_CHUNK = re.compile(r"(?:\S+\s*){1,6}|\s+")


class PracticeModel:
    """Same prompt, same answer, no network. Searches once if it can, then quotes, plans, judges or echoes."""

    async def ask(self, request: Request, deltas: Deltas | None) -> Speech:
        said = _speech(request)
        if deltas is not None:
            for chunk in _CHUNK.findall(said.text):
                deltas.text(chunk)
                await asyncio.sleep(0)  # a stream lets others run between its chunks
        return said


def _speech(request: Request) -> Speech:
    prompt = read_prompt(request.messages)
    tool = next((tool for tool in request.tools if tool.name.startswith("search")), None)
    if calls := _handed_out(request.tools, prompt):
        return Speech(text="", calls=tuple(calls), finish="tool_call")
    if tool is not None and not prompt.has_results:
        return Speech(text="", calls=(_search(tool, prompt, len(request.messages)),), finish="tool_call")
    text = reply(prompt) if request.output is None else dumps(_filled(request.output, prompt))
    passed_on = _passed_on(request.tools, prompt)
    return Speech(text=clean_text(text), calls=passed_on, finish="tool_call" if passed_on else "stop")


def _passed_on(tools: Sequence[ToolSchema], prompt: Prompt) -> tuple[ToolCall, ...]:
    """The word, where a tool hands that on with what was said."""
    for tool in tools:
        if tool.name == "handoff" and (given := handoff(tool, prompt)) is not None:
            return (ToolCall("call_handoff", tool.name, given),)
    return ()


def _handed_out(tools: Sequence[ToolSchema], prompt: Prompt) -> list[ToolCall]:
    """The work, where a tool hands that to others; in a conversation what is done at once is not handed out."""
    known = {tool.name: tool for tool in tools}
    if "create_agent" in known and (agent := wanted_agent(prompt)) is not None:
        return [ToolCall("call_agent", "create_agent", agent)]
    if "delegate" not in known or ("ask_operator" in known and "finish" not in known):
        return []
    parts = delegations(known["delegate"], prompt)
    return [ToolCall(f"call_{number}", "delegate", part) for number, part in enumerate(parts)]


def _search(tool: ToolSchema, prompt: Prompt, turn: int) -> ToolCall:
    words = " ".join(keywords(f"{prompt.subject}\n{prompt.task}")[:12]) or "summary"
    schema = tool.parameters
    wanted = schema.get("required")
    required = wanted if isinstance(wanted, list) else []
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    asked = {key: known.get(key, {}) for key in known if key in required or key == "query"} or known
    given: JsonObject = dict.fromkeys(("query", "q", "text", "question"), words)
    arguments = Filler({**schema, "properties": asked, "additionalProperties": False}, Material(words, [words], {}))
    call_id = sha256(f"{turn}:{tool.name}:{words}".encode()).hexdigest()[:16]
    filled = arguments.fill(given)
    return ToolCall(f"call_{call_id}", tool.name, filled if isinstance(filled, dict) else {})


def _filled(output: OutputSchema, prompt: Prompt) -> Json:
    return Filler(output.schema, material(prompt)).fill(_draft(output.schema, prompt))


_DRAFTS: tuple[tuple[set[str], Callable[[Prompt], Json]], ...] = (
    ({"steps"}, plan),
    ({"decision", "findings"}, verdict),
    ({"system_prompt"}, agent_spec),
    ({"publish"}, publication),
    ({"summary", "citations"}, research),
    ({"summary"}, summary),
)


def _draft(schema: JsonObject, prompt: Prompt) -> Json:
    """What to say, told by what is asked for: the members of the schema, not its name."""
    properties = schema.get("properties")
    known: JsonObject = properties if isinstance(properties, dict) else {}
    if "finish" in known:
        return choice(prompt, _enum(known["next"])) if "next" in known else remark(prompt)
    if "position" in known:
        return position(prompt, _enum(known["position"]))
    drafts = (draft for members, draft in _DRAFTS if members <= known.keys())
    return next((draft(prompt) for draft in drafts), None)


def _enum(schema: Json) -> list[str]:
    """The only values that fit, where these are words."""
    allowed = schema.get("enum") if isinstance(schema, dict) else None
    return [str(option) for option in allowed if option is not None] if isinstance(allowed, list) else []
