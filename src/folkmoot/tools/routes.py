"""Tools over HTTP: what there is in a workspace, and what its agents may use."""

from fastapi import APIRouter

from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.tools import service
from folkmoot.tools.deps import ToolName, Tools
from folkmoot.tools.schemas import PolicyChange, ToolAnswer, ToolCallBody, ToolPage, ToolView
from folkmoot.tools.service import NoSuchTool, NotCallable, ToolForbidden
from folkmoot.workspaces.deps import Here, HereAsOwner

router = APIRouter(prefix="/api", tags=["tools"])


@router.get("/tools")
async def list_tools(db: Db, here: Here, tools: Tools, paging: Paging) -> ToolPage:
    """By name: built-in ones, those of installed packages and of the workspace's servers, with what is allowed here."""
    found = await service.list_tools(db, tools, here)
    shown = found[paging.skip : paging.skip + paging.limit]
    return ToolPage(tools=shown, total=len(found), skip=paging.skip, limit=paging.limit)


@router.patch("/tools/{name}", responses=problems(NoSuchTool))
async def change_tool(db: Db, here: HereAsOwner, tools: Tools, name: ToolName, change: PolicyChange) -> ToolView:
    """Allow or forbid a tool in this workspace, with or without a person's consent to every call."""
    return await service.change_policy(db, tools, here, name, change)


@router.post("/tools/{name}/call", responses=problems(NoSuchTool, ToolForbidden, NotCallable))
async def call_tool(db: Db, here: HereAsOwner, tools: Tools, name: ToolName, body: ToolCallBody) -> ToolAnswer:
    """Use it once, now, by hand: to see what it does before agents may. It really does it."""
    return await service.call_tool(db, tools, here, name, body.arguments)
