"""The verbs of tools: what a workspace offers to its agents, and changing that."""

from collections.abc import Iterable, Sequence

from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.audit.service import record
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, NotFound
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.values import fixed
from folkmoot.tools.queries import policies
from folkmoot.tools.registry import Tool, ToolContext, ToolRegistry
from folkmoot.tools.rules import Policy, default_policy
from folkmoot.tools.schemas import PolicyChange, ToolAnswer, ToolView
from folkmoot.tools.tables import ToolPolicy

_INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(ToolPolicy),
    "postgresql": postgresql.insert(ToolPolicy),
}
_SET = {
    dialect: insert.on_conflict_do_update(
        index_elements=["workspace_id", "tool"],
        set_={name: insert.excluded[name] for name in ("is_allowed", "needs_approval", "updated_at")},
    )
    for dialect, insert in _INSERTS.items()
}


class NoSuchTool(NotFound):
    """Tool not found"""


class ToolForbidden(Conflict):
    """This workspace does not allow the tool"""


class NotCallable(Conflict):
    """The tool waits for a person or for a run: only an agent's run can use it"""


@fixed
class Offer:
    """What one agent may use now: tools of the workspace, in its order, and those that a person agrees to first."""

    tools: ToolRegistry
    names: tuple[str, ...] = ()
    approved_first: frozenset[str] = frozenset()


async def offered(db: Database, registry: ToolRegistry, scope: Scope, wanted: Iterable[str]) -> Offer:
    """Those of the wanted tools that there are and that the workspace allows. `name*` stands for all that begin so.

    Wanting nothing costs nothing, and the sources are asked only for what is not registered.
    """
    names = tuple(wanted)
    if not names:
        return Offer(registry)
    is_everywhere = set(names) <= set(registry.names())
    tools = registry if is_everywhere else await registry.of(scope)
    decided = await db.read(policies, scope)
    known = {name: _policy(tools.tool(name), decided) for name in named_by(names, tools.names())}
    allowed = tuple(name for name, policy in known.items() if policy.is_allowed)
    return Offer(tools, allowed, frozenset(name for name in allowed if known[name].needs_approval))


async def unknown_tools(registry: ToolRegistry, scope: Scope, names: Sequence[str]) -> list[str]:
    """Of these names, and beginnings of names, those that no tool of the workspace has, as far as is known.

    No server is asked for its tools: whoever looks at an agent does not wait for one that hangs.
    """
    others = [name for name in dict.fromkeys(names) if name not in registry.names()]
    return unknown_among(others, await registry.known(scope)) if others else []


def unknown_among(names: Iterable[str], known: tuple[str, ...]) -> list[str]:
    """Of the names those that none of the known ones is or, with a star at its end, may be."""
    beginnings = tuple(name[:-1] for name in known if name.endswith("*"))
    return [name for name in names if not (named_by([name], known) or name.startswith(beginnings))]


def named_by(wanted: Iterable[str], known: tuple[str, ...]) -> dict[str, None]:
    """Those of the known names that are wanted, by themselves or by how they begin, in the order of wanting."""
    found: dict[str, None] = {}
    for name in wanted:
        if name.endswith("*"):
            found |= dict.fromkeys(other for other in known if other.startswith(name[:-1]))
        elif name in known:
            found[name] = None
    return found


def _policy(tool: Tool, decided: dict[str, Policy]) -> Policy:
    return decided.get(tool.name) or default_policy(tool.risk, is_on=tool.is_on)


async def list_tools(db: Database, registry: ToolRegistry, scope: Scope) -> list[ToolView]:
    """All tools that the workspace has, with what it decided about each, by name."""
    tools = await registry.of(scope)
    decided = await db.read(policies, scope)
    return [_view(tools.tool(name), decided) for name in sorted(tools.names())]


async def change_policy(
    db: Database, registry: ToolRegistry, scope: Scope, name: str, change: PolicyChange
) -> ToolView:
    """Raises NoSuchTool."""
    tools = await registry.of(scope)
    if name not in tools.names():
        raise NoSuchTool
    return await db.write(_change, scope, tools.tool(name), change)


async def call_tool(db: Database, registry: ToolRegistry, scope: Scope, name: str, arguments: JsonObject) -> ToolAnswer:
    """Carry out one call for the person who asks for it, whose asking is the consent.

    Raises NoSuchTool, ToolForbidden, NotCallable.
    """
    tools = await registry.of(scope)
    if name not in tools.names():
        raise NoSuchTool
    tool = tools.tool(name)
    if tool.plan is not None:
        raise NotCallable
    await db.write(_permit, scope, tool)
    context = ToolContext(scope=scope, db=db, idempotency_key=new_id(), offered=(name,))
    answer = await tools.use(context, name, arguments)
    return ToolAnswer(text=str(answer["text"]), is_error=answer["is_error"] is True)


def _permit(tx: Tx, scope: Scope, tool: Tool) -> None:
    """Raises ToolForbidden."""
    if not _policy(tool, policies(tx, scope)).is_allowed:
        raise ToolForbidden
    record(tx, scope.actor, "call_tool", ("tool", None), scope.workspace_id, tool=tool.name)


def _change(tx: Tx, scope: Scope, tool: Tool, change: PolicyChange) -> ToolView:
    before, at = _policy(tool, policies(tx, scope)), now()
    after = Policy(
        is_allowed=before.is_allowed if change.allowed is None else change.allowed,
        needs_approval=before.needs_approval if change.needs_approval is None else change.needs_approval,
    )
    row = {
        "workspace_id": scope.workspace_id,
        "tool": tool.name,
        "is_allowed": after.is_allowed,
        "needs_approval": after.needs_approval,
        "created_at": at,
        "updated_at": at,
    }
    tx.write(_SET[tx.dialect], row)
    view = _view(tool, {tool.name: after})
    shown = view.model_dump(mode="json")
    tx.emit(scope.workspace_id, ResourceChanged(resource="tool", id=tool.name, change="updated", view=shown))
    record(
        tx,
        scope.actor,
        "change_tool",
        ("tool", None),
        scope.workspace_id,
        tool=tool.name,
        allowed=after.is_allowed,
        needs_approval=after.needs_approval,
    )
    return view


def _view(tool: Tool, decided: dict[str, Policy]) -> ToolView:
    policy = _policy(tool, decided)
    return ToolView(
        name=tool.name,
        description=tool.description,
        parameters=tool.parameters,
        risk=tool.risk,
        source=tool.source,
        allowed=policy.is_allowed,
        needs_approval=policy.needs_approval,
        is_default=tool.name not in decided,
    )
