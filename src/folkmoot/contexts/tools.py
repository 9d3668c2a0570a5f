"""What agents may do with shared contexts: read the project's, and write the next version of one."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.contexts.queries import Named, OfProject, find_context, get_place
from folkmoot.contexts.reading import reading_at
from folkmoot.contexts.service import Change, ContextSettings, write_named_context
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import LARGEST_INTEGER, Json, JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.tools.registry import Tool, ToolContext, typed_tool

ContextName = Annotated[str, Field(min_length=1, max_length=255, description="Which of the project's contexts")]


class ReadSharedContext(BaseModel):
    """Read JSON that the agents and people of this project share.

    Answers {"context_name", "version", "data"}; version 0 with no data where nobody has written it yet.
    """

    model_config = ConfigDict(extra="ignore")

    context_name: ContextName = "default"


class WriteSharedContext(BaseModel):
    """Write the next version of JSON that the agents and people of this project share; it replaces the one before.

    Read it first, and give the version you have read as expected_version: a write over a newer one is refused.
    """

    model_config = ConfigDict(extra="ignore")

    context_name: ContextName = "default"
    data: JsonObject
    change_description: Annotated[str, Field(max_length=1000, description="What changes, in one line")] = ""
    expected_version: Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] | None = None


def context_tools(settings: ContextSettings) -> tuple[Tool, ...]:
    async def write(context: ToolContext, arguments: WriteSharedContext) -> Json:
        change = Change(
            data=arguments.data,
            description=arguments.change_description or None,
            expected_version=arguments.expected_version,
            run_id=context.run_id,
        )
        return await context.db.write(_write, context.scope, arguments.context_name, change, settings)

    return (
        typed_tool("read_shared_context", ReadSharedContext, _read, effect="none", risk="read"),
        typed_tool("write_shared_context", WriteSharedContext, write, effect="unsafe", risk="write"),
    )


async def _read(context: ToolContext, arguments: ReadSharedContext) -> Json:
    return await context.db.read(_reading, context.scope, arguments.context_name)


def _reading(tx: Tx, scope: Scope, name: str) -> Json:
    found = find_context(tx, scope, get_place(tx, scope, OfProject(scope.project_id)), name)
    if found is None:
        return {"context_name": name, "version": 0, "data": {}}
    reading = reading_at(tx, found)
    version = 0 if reading.version is None else reading.version.version
    return {"context_name": name, "version": version, "data": reading.data}


def _write(tx: Tx, scope: Scope, name: str, change: Change, settings: ContextSettings) -> Json:
    written = write_named_context(tx, scope, Named(OfProject(scope.project_id), name), change, settings)
    return {"context_name": name, "version": written.context.current_version}
