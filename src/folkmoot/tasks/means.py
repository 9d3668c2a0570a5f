"""What somebody acts with in a run that is given a task: the tools, and the documents that may be searched."""

from dataclasses import dataclass, replace

from folkmoot.agents.calls import context_of
from folkmoot.conversations.queries import documents_tagged
from folkmoot.db.database import Database
from folkmoot.kernel.scope import SYSTEM, Actor, Scope
from folkmoot.runs.journal import Call, Use
from folkmoot.runs.tables import Run
from folkmoot.tools.registry import Tool, ToolContext, ToolRegistry
from folkmoot.tools.service import offered

SEARCH = "search_knowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for: tools by name, documents by the task's files and by tag, and tools made for this call."""

    name: str
    agent_id: str | None
    tools: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    own: tuple[Tool, ...] = ()


@dataclass(frozen=True, slots=True)
class Means:
    """The tools of the workspace with those of this call among them, and for whom they act."""

    tools: ToolRegistry
    context: ToolContext

    @property
    def names(self) -> tuple[str, ...]:
        return self.context.offered or ()

    @property
    def context_of_calls(self) -> ToolContext | None:
        """For whom tool calls are planned; nobody's are where there are no tools."""
        return self.context if self.names else None


async def means_for(db: Database, registry: ToolRegistry, run: Run, wanted: Wanted, action: Call | Use) -> Means:
    """As the workspace decided about its tools. With files or tags there is the search of them, and of nothing else."""
    actor = Actor("agent", wanted.agent_id, wanted.name) if wanted.agent_id else SYSTEM
    scope = Scope(workspace_id=run.workspace_id, project_id=run.project_id, actor=actor)
    names = (*wanted.tools, *((SEARCH,) if wanted.files or wanted.tags else ()))
    offer = await offered(db, registry, scope, dict.fromkeys(names))
    own = {tool.name: tool for tool in wanted.own}
    others = {name: offer.tools.tool(name) for name in offer.names if name not in own}
    context = replace(
        context_of(db, run, scope, offer, action),
        document_ids=await _documents(db, scope, wanted),
        offered=(*others, *own),
    )
    return Means(ToolRegistry([*others.values(), *own.values()]) if own else offer.tools, context)


async def _documents(db: Database, scope: Scope, wanted: Wanted) -> tuple[str, ...] | None:
    """None for all there are."""
    if not wanted.tags:
        return wanted.files or None
    tagged = await db.read(documents_tagged, scope, wanted.tags)
    return tuple(dict.fromkeys((*wanted.files, *tagged)))
