"""The registry of tools: the one border between an agent's call and the code that carries it out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError

from folkmoot.db.database import Database
from folkmoot.kernel.errors import Invalid, Problem
from folkmoot.kernel.json import Json, JsonObject, clean_text, dumps
from folkmoot.kernel.scope import Scope
from folkmoot.llm.messages import ToolSchema
from folkmoot.runs.journal import Effect

Risk = Literal["read", "write", "external"]
A = TypeVar("A", bound=BaseModel)

LIMIT_SECONDS = 30.0
RESULT_BYTES = 20_000

_log = logging.getLogger(__name__)


class InvalidArguments(Invalid):
    """The arguments are not valid"""


class UnknownTool(Problem):
    """A tool is registered that nobody knows"""


class ToolRegisteredTwice(Problem):
    """Two tools have the same name"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """For whom a tool acts. A tool reaches rows only through `scope`.

    `document_ids` narrows what may be searched, None means all of the workspace; `offered` are the names
    the caller may use, None means every registered tool. A repeated call has the same `idempotency_key`.
    """

    scope: Scope
    db: Database
    run_id: str | None = None
    agent_id: str | None = None
    idempotency_key: str = ""
    document_ids: tuple[str, ...] | None = None
    offered: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """`parameters` is a JSON Schema of type object; `call` checks its arguments against it.

    What `call` raises becomes an error the language model reads: a Problem in its own words, anything
    else without them.
    """

    name: str
    description: str
    parameters: JsonObject
    effect: Effect
    risk: Risk
    call: Callable[[ToolContext, JsonObject], Awaitable[Json]]


def typed_tool(
    name: str,
    arguments: type[A],
    call: Callable[[ToolContext, A], Awaitable[Json]],
    *,
    effect: Effect,
    risk: Risk,
) -> Tool:
    """A tool from a function and the type of its arguments, whose docstring describes it to the model."""

    async def checked(context: ToolContext, given: JsonObject) -> Json:
        try:
            valid = arguments.model_validate(given)
        except ValidationError as error:
            raise InvalidArguments(f"The arguments are not valid: {_faults(error)}") from error
        return await call(context, valid)

    schema: JsonObject = arguments.model_json_schema()
    description = str(schema.pop("description", ""))
    return Tool(
        name=name,
        description=description,
        parameters=without_titles(schema),
        effect=effect,
        risk=risk,
        call=checked,
    )


def without_titles(schema: JsonObject) -> JsonObject:
    """A schema without the titles pydantic derives from names: a model pays for them and learns nothing."""
    kept: JsonObject = {}
    for key, value in schema.items():
        match value:
            case dict() if key in ("properties", "$defs"):
                kept[key] = {
                    name: without_titles(part) if isinstance(part, dict) else part for name, part in value.items()
                }
            case dict():
                kept[key] = without_titles(value)
            case list():
                kept[key] = [without_titles(part) if isinstance(part, dict) else part for part in value]
            case _ if key != "title":
                kept[key] = value
    return kept


class ToolRegistry:
    """Tools by name; filled once by the composition root."""

    def __init__(self, tools: Iterable[Tool] = (), *, limit_seconds: float = LIMIT_SECONDS) -> None:
        self._tools: dict[str, Tool] = {}
        self._limit_seconds = limit_seconds
        for tool in tools:
            self.register(tool)

    def register(self, tool: Tool) -> None:
        """Raises ToolRegisteredTwice."""
        if tool.name in self._tools:
            raise ToolRegisteredTwice(name=tool.name)
        self._tools[tool.name] = tool

    def names(self) -> tuple[str, ...]:
        return tuple(self._tools)

    def schemas(self, names: Iterable[str]) -> tuple[ToolSchema, ...]:
        """What a model is offered, in the order of the names. Raises UnknownTool."""
        return tuple(
            ToolSchema(name=tool.name, description=tool.description, parameters=tool.parameters)
            for tool in map(self._get, names)
        )

    def effect(self, name: str) -> Effect:
        """A name nobody knows has none: its call is answered with an error."""
        tool = self._tools.get(name)
        return tool.effect if tool is not None else "none"

    def _get(self, name: str) -> Tool:
        if (tool := self._tools.get(name)) is None:
            raise UnknownTool(f"Tool {name!r} is not registered")
        return tool

    async def use(self, context: ToolContext, name: str, arguments: JsonObject) -> JsonObject:
        """Carry out one call: {"text", "is_error"}. What goes wrong is the answer; only a cancel raises."""
        tool = self._tools.get(name)
        offered = self._tools.keys() if context.offered is None else context.offered
        if tool is None or name not in offered:
            return _answer(f"There is no such tool here. Tools: {', '.join(offered) or 'none'}", is_error=True)
        limit = asyncio.timeout(self._limit_seconds)
        try:
            async with limit:
                value = await tool.call(context, arguments)
        except Problem as problem:
            return _answer(problem.detail, is_error=True)
        except Exception:  # noqa: BLE001 a plugin call, one of the four borders: a tool's bug must not end the run
            if limit.expired():
                return _answer(f"The tool did not answer within {self._limit_seconds:g} seconds", is_error=True)
            _log.exception("tool %s failed", name)
            return _answer("The tool failed", is_error=True)
        return _answer(value if isinstance(value, str) else dumps(value))


def _faults(error: ValidationError) -> str:
    """Where and why, without what was given: the caller wrote it and an attacker may have."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'arguments'}: {fault['msg']}" for fault in faults[:8])


def _answer(text: str, *, is_error: bool = False) -> JsonObject:
    text = clean_text(text)
    raw = text.encode()
    if len(raw) > RESULT_BYTES:
        kept = raw[:RESULT_BYTES].decode(errors="ignore")
        text = f"{kept}\n[cut: the first {RESULT_BYTES} of {len(raw)} bytes]"
    return {"text": text, "is_error": is_error}
