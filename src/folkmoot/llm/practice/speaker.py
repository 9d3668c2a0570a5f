"""The practice model behind pydantic-ai's interface, so that the gateway treats it like any other."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256

from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    ModelResponseStreamEvent,
    PartStartEvent,
    TextPart,
    ToolCallPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext, ToolDefinition

from folkmoot.kernel.json import Json, JsonObject, dumps
from folkmoot.llm.practice.drafts import agent_spec, material, plan, position, reply, research, summary, verdict
from folkmoot.llm.practice.moves import choice, delegations, handoff, publication, remark, wanted_agent
from folkmoot.llm.practice.prompt import Prompt, keywords, read_prompt
from folkmoot.llm.practice.schema import Filler, Material
from folkmoot.llm.stream import LeanStream, text_event

NAME = "practice"
_CHUNK = re.compile(r"(?:\S+\s*){1,6}|\s+")


class PracticeModel(Model):
    """Same prompt, same answer, no network. Searches once if it can, then quotes, plans, judges or echoes."""

    @property
    def model_name(self) -> str:
        return NAME

    @property
    def system(self) -> str:
        return NAME

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        return _response(messages, model_request_parameters)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[object] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        yield _PracticeStream(
            model_request_parameters=model_request_parameters,
            _model_name=NAME,
            _provider_name=NAME,
            _provider_url=None,
            _response=_response(messages, model_request_parameters),
        )


@dataclass
class _PracticeStream(LeanStream):
    _response: ModelResponse

    def get(self) -> ModelResponse:
        return self._response

    async def close_stream(self) -> None:
        """There is nothing open."""

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        for index, part in enumerate(self._response.parts):
            if isinstance(part, TextPart):
                for number, chunk in enumerate(_CHUNK.findall(part.content)):
                    yield text_event(chunk, is_first=number == 0)
                    await asyncio.sleep(0)  # a stream lets others run between its chunks
            elif isinstance(part, ToolCallPart):
                yield PartStartEvent(index=index, part=part)


def _response(messages: list[ModelMessage], parameters: ModelRequestParameters) -> ModelResponse:
    prompt = read_prompt(messages)
    tool = next((tool for tool in parameters.function_tools if tool.name.startswith("search")), None)
    output = parameters.output_object
    handed_out = _handed_out(parameters.function_tools, prompt)
    if handed_out:
        parts: list[ToolCallPart | TextPart] = [*handed_out]
    elif tool is not None and not prompt.has_results:
        parts = [_search(tool, prompt, len(messages))]
    else:
        said = TextPart(reply(prompt) if output is None else dumps(_filled(output, prompt)))
        parts = _passed_on(parameters.function_tools, prompt, said)
    return ModelResponse(
        parts=parts,
        model_name=NAME,
        provider_name=NAME,
        finish_reason="stop" if isinstance(parts[-1], TextPart) else "tool_call",
    )


def _passed_on(tools: list[ToolDefinition], prompt: Prompt, said: TextPart) -> list[ToolCallPart | TextPart]:
    """What was to be said, and with it the word, where a tool hands that on."""
    for tool in tools:
        if tool.name == "handoff" and (given := handoff(tool, prompt)) is not None:
            return [said, ToolCallPart(tool.name, dumps(given), "call_handoff")]
    return [said]


def _handed_out(tools: list[ToolDefinition], prompt: Prompt) -> list[ToolCallPart]:
    """The work, where a tool hands that to others; in a conversation what is done at once is not handed out."""
    known = {tool.name: tool for tool in tools}
    if "create_agent" in known and (agent := wanted_agent(prompt)) is not None:
        return [ToolCallPart("create_agent", dumps(agent), "call_agent")]
    if "delegate" not in known or ("ask_operator" in known and "finish" not in known):
        return []
    parts = delegations(known["delegate"], prompt)
    return [ToolCallPart("delegate", dumps(part), f"call_{number}") for number, part in enumerate(parts)]


def _search(tool: ToolDefinition, prompt: Prompt, turn: int) -> ToolCallPart:
    words = " ".join(keywords(f"{prompt.subject}\n{prompt.task}")[:12]) or "summary"
    schema: JsonObject = tool.parameters_json_schema
    wanted = schema.get("required")
    required = wanted if isinstance(wanted, list) else []
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    asked = {key: known.get(key, {}) for key in known if key in required or key == "query"} or known
    given: JsonObject = dict.fromkeys(("query", "q", "text", "question"), words)
    arguments = Filler({**schema, "properties": asked, "additionalProperties": False}, Material(words, [words], {}))
    call_id = sha256(f"{turn}:{tool.name}:{words}".encode()).hexdigest()[:16]
    return ToolCallPart(tool.name, dumps(arguments.fill(given)), f"call_{call_id}")


def _filled(output: OutputObjectDefinition, prompt: Prompt) -> Json:
    schema: JsonObject = output.json_schema
    return Filler(schema, material(prompt)).fill(_draft(schema, prompt))


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
