"""What routes may ask for of tools: the registry, a tool's name."""

from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from folkmoot.tools.registry import ToolRegistry


async def _tools(connection: HTTPConnection) -> ToolRegistry:
    tools: ToolRegistry = connection.app.state.tools
    return tools


Tools = Annotated[ToolRegistry, Depends(_tools)]
ToolName = Annotated[str, Path(max_length=255, description="The tool's name")]
