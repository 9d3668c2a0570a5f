"""The registry of tools: the one border between an agent's call and the code that carries it out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from time import perf_counter
from typing import Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from folkmoot.db.database import Database
from folkmoot.kernel.errors import Invalid, Problem
from folkmoot.kernel.json import Json, JsonObject, clean_text, dumps
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.validation import sentences
from folkmoot.kernel.values import fixed
from folkmoot.llm.messages import ToolSchema
from folkmoot.runs.journal import Effect
from folkmoot.tools.figures import Came, ToolFigures
from folkmoot.tools.rules import Risk

A = TypeVar("A", bound=BaseModel)
T = TypeVar("T")

LIMIT_SECONDS = 30.0
RESULT_BYTES = 20_000

_log = logging.getLogger(__name__)


class InvalidArguments(Invalid):
    """The arguments are not valid"""


class UnknownTool(Problem):
    """A tool is registered that nobody knows"""


class ToolRegisteredTwice(Problem):
    """Two tools have the same name"""


@fixed(kw_only=True)
class ToolContext:
    """For whom a tool acts. A tool reaches rows only through `scope`.

    `document_ids` narrows what may be searched, None means all of the workspace; of the room `room_id`, in which the
    agent speaks, everything may. `offered` are the names the caller may use, None means every registered tool. A
    repeated call has the same `idempotency_key`.
    """

    scope: Scope
    db: Database
    run_id: str | None = None
    agent_id: str | None = None
    idempotency_key: str = ""
    document_ids: tuple[str, ...] | None = None
    room_id: str | None = None
    offered: tuple[str, ...] | None = None
    approved_first: frozenset[str] = frozenset()
    """Names of offered tools that are used only once a person has agreed."""


@fixed(kw_only=True)
class Tool:
    """`parameters` is a JSON Schema of type object; `call` checks its arguments against it.

    What `call` raises becomes an error the language model reads: a Problem in its own words, anything
    else without them. A tool with a `plan` is not carried out by anybody: the plan is what the turn does instead,
    {"how": "ask", "question"} or {"how": "spawn", "kind", "title", "input", "agent_id"}; see agents/ways.
    """

    name: str
    description: str
    parameters: JsonObject
    effect: Effect
    risk: Risk
    call: Callable[[ToolContext, JsonObject], Awaitable[Json]]
    plan: Callable[[ToolContext, JsonObject], Awaitable[JsonObject]] | None = None
    source: str = "built-in"
    is_on: bool = True
    """Whether workspaces that decided nothing about it have it."""
    limit_seconds: float | None = None
    """How long a call may take; None is the registry's own limit."""


class ToolSource(Protocol):
    """Where a workspace has tools of its own from."""

    async def tools(self, scope: Scope) -> Iterable[Tool]:
        """Those there are now; a source that cannot be asked has none."""
        ...

    async def known(self, scope: Scope) -> Iterable[str]:
        """Names of those it had when it was last asked, and `name*` for all it may have that begin so: asks nobody."""
        ...


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
        return await call(context, _valid(arguments, given))

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


def planned_tool(
    name: str, arguments: type[A], plan: Callable[[ToolContext, A], Awaitable[JsonObject]], *, risk: Risk = "read"
) -> Tool:
    """A tool whose calls are waits of the turn: for a person's answer, or for the end of a child run."""

    async def checked(context: ToolContext, given: JsonObject) -> JsonObject:
        return await plan(context, _valid(arguments, given))

    typed = typed_tool(name, arguments, _never, effect="none", risk=risk)
    return replace(typed, plan=checked)


async def _never(context: ToolContext, arguments: BaseModel) -> Json:
    raise UnknownTool("This tool is planned, not called")


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


@fixed
class _Failed:
    came: Came
    sentence: str


class ToolRegistry:
    """Tools by name; filled once by the composition root, and for one workspace with what its sources have."""

    def __init__(self, tools: Iterable[Tool] = (), *, limit_seconds: float = LIMIT_SECONDS) -> None:
        self.sources: list[ToolSource] = []
        self.figures = ToolFigures()
        self._tools: dict[str, Tool] = {}
        self._limit_seconds = limit_seconds
        for tool in tools:
            self.register(tool)

    async def of(self, scope: Scope) -> "ToolRegistry":
        """The tools of a workspace. A name that is taken is not replaced."""
        own = [tool for source in self.sources for tool in await source.tools(scope)]
        if not own:
            return self
        merged = ToolRegistry(limit_seconds=self._limit_seconds)
        merged.figures = self.figures
        merged._tools = {**{tool.name: tool for tool in own}, **self._tools}
        return merged

    async def known(self, scope: Scope) -> tuple[str, ...]:
        """As `of` would have them, by what is known of its sources: nobody is asked."""
        return (*self._tools, *[name for source in self.sources for name in await source.known(scope)])

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
            for tool in map(self.tool, names)
        )

    def effect(self, name: str) -> Effect:
        """A name nobody knows has none: its call is answered with an error."""
        tool = self._tools.get(name)
        return tool.effect if tool is not None else "none"

    async def plan(self, context: ToolContext, name: str, arguments: JsonObject) -> JsonObject | None:
        """What the turn does about a call instead of just using the tool; None where it is used at once.

        What a plan refuses by raising a Problem becomes {"how": "refuse", "text"}: the language model reads it.
        """
        tool = self._tools.get(name)
        if tool is None or (context.offered is not None and name not in context.offered):
            return None
        if tool.plan is None:
            return {"how": "approve", "risk": tool.risk} if name in context.approved_first else None
        planned = tool.plan
        tried = await self._tried(tool, lambda: planned(context, arguments))
        return {"how": "refuse", "text": tried.sentence} if isinstance(tried, _Failed) else tried

    def tool(self, name: str) -> Tool:
        """Raises UnknownTool."""
        if (tool := self._tools.get(name)) is None:
            raise UnknownTool(f"Tool {name!r} is not registered")
        return tool

    async def use(self, context: ToolContext, name: str, arguments: JsonObject) -> JsonObject:
        """Carry out one call: {"text", "is_error"}. What goes wrong is the answer; only a cancel raises."""
        tool, began = self._tools.get(name), perf_counter()
        offered = self._tools.keys() if context.offered is None else context.offered
        if tool is None or name not in offered:
            self.figures.used(None, "unknown", began)
            return _answer(f"There is no such tool here. Tools: {', '.join(offered) or 'none'}", is_error=True)
        tried = await self._tried(tool, lambda: tool.call(context, arguments))
        if isinstance(tried, _Failed):
            self.figures.used(_counted_as(tool), tried.came, began)
            return _answer(tried.sentence, is_error=True)
        answer = _answer(tried if isinstance(tried, str) else dumps(tried))
        self.figures.used(_counted_as(tool), "answered", began)
        return answer

    async def _tried(self, tool: Tool, work: Callable[[], Awaitable[T]]) -> "T | _Failed":
        """What comes of the tool's own code within its time."""
        seconds = self._seconds(tool)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await work()
        except Problem as problem:
            return _Failed("refused", problem.detail)
        except Exception:  # noqa: BLE001 a plugin call, one of the four borders: a tool's bug must not end the run
            if limit.expired():
                return _Failed("timed_out", f"The tool did not answer within {seconds:g} seconds")
            _log.exception("tool %s failed", tool.name)
            return _Failed("failed", "The tool failed")

    def _seconds(self, tool: Tool) -> float:
        return self._limit_seconds if tool.limit_seconds is None else tool.limit_seconds


def _valid(arguments: type[A], given: JsonObject) -> A:
    """Raises InvalidArguments: where and why, without what was given, which an attacker may have written."""
    try:
        return arguments.model_validate(given)
    except ValidationError as error:
        lines = sentences(error, "arguments")[:8]
        raise InvalidArguments(f"The arguments are not valid: {'; '.join(lines)}") from error


def _counted_as(tool: Tool) -> str:
    """Tools that workspaces bring along count together: there may be any number of their names."""
    return "mcp" if tool.source.startswith("mcp") else tool.name


def _answer(text: str, *, is_error: bool = False) -> JsonObject:
    text = clean_text(text)
    raw = text.encode()
    if len(raw) > RESULT_BYTES:
        kept = raw[:RESULT_BYTES].decode(errors="ignore")
        text = f"{kept}\n[cut: the first {RESULT_BYTES} of {len(raw)} bytes]"
    return {"text": text, "is_error": is_error}
