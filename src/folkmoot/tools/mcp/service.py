"""The verbs of MCP servers: adding and changing them, and what of their tools somebody has agreed to."""

from collections.abc import Collection, Sequence
from typing import Literal

import sqlalchemy as sa

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Invalid
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.net.client import GuardedClient
from folkmoot.providers.queries import get_secret
from folkmoot.providers.rules import PROVIDER_KEYS
from folkmoot.tools.mcp.queries import SERVER_COLUMNS, count_servers, find_named, hold_server
from folkmoot.tools.mcp.rules import MOST_SERVERS, RISK, changes, digest, source_of, tool_name, unchanged
from folkmoot.tools.mcp.schemas import McpServerChange, McpServerSummary, McpServerView, McpTool, NewMcpServer
from folkmoot.tools.queries import policies
from folkmoot.tools.rules import default_policy
from folkmoot.tools.schemas import ToolView
from folkmoot.tools.tables import McpServer, ToolPolicy

_INSERT = sa.insert(McpServer).returning(*SERVER_COLUMNS)
_CHANGEABLE = (
    *("url", "secret_name", "is_enabled", "tools", "tools_hash", "new_tools", "new_tools_hash"),
    *("last_error", "seen_at", "updated_at"),
)
_CHANGE = (
    sa.update(McpServer)
    .where(McpServer.id == sa.bindparam("this"))
    .values(
        {SERVER_COLUMNS[name]: sa.bindparam(f"new_{name}", type_=SERVER_COLUMNS[name].type) for name in _CHANGEABLE}
    )
    .returning(*SERVER_COLUMNS)
)
_DELETE = sa.delete(McpServer).where(McpServer.id == sa.bindparam("this"))
_FORGET = sa.delete(ToolPolicy).where(
    ToolPolicy.workspace_id == sa.bindparam("workspace"), ToolPolicy.tool == sa.bindparam("called")
)
_UNSEEN: dict[str, object] = {
    "tools": {"tools": []},
    "tools_hash": None,
    "new_tools": None,
    "new_tools_hash": None,
    "last_error": None,
    "seen_at": None,
}
_OF_WEBHOOKS = "webhook_"


class TooManyMcpServers(Conflict):
    """The workspace has as many MCP servers as it may"""


class McpServerNameTaken(Conflict):
    """There is an MCP server of this name"""


class SecretNotForServers(Invalid):
    """This secret is for something else than MCP servers"""


class ToolsChangedAgain(Conflict):
    """The MCP server does not list what you agree to"""

    hint = "Refresh it, look at its new_tools, and agree to its new_tools_hash"


def create_server(
    tx: Tx, scope: Scope, outgoing: GuardedClient, taken: Collection[str], new: NewMcpServer
) -> McpServer:
    """`taken` are the names of the operator's servers.

    Raises AddressRefused, McpServerNameTaken, TooManyMcpServers, NoSuchSecret, SecretNotForServers.
    """
    url = outgoing.check(new.url)
    if new.name in taken or find_named(tx, scope, new.name) is not None:
        raise McpServerNameTaken
    if count_servers(tx, scope) >= MOST_SERVERS:
        raise TooManyMcpServers
    _check_secret(tx, scope, new.secret)
    at = now()
    server = tx.write_returning(
        McpServer,
        _INSERT,
        id=new_id(),
        workspace_id=scope.workspace_id,
        name=new.name,
        url=url,
        secret_name=new.secret,
        is_enabled=new.is_enabled,
        created_at=at,
        updated_at=at,
        **_UNSEEN,
    )
    assert server is not None
    _say(tx, server, "created")
    record(tx, scope.actor, "create_mcp_server", ("mcp_server", server.id), scope.workspace_id, name=server.name)
    return server


def change_server(tx: Tx, scope: Scope, outgoing: GuardedClient, server_id: str, change: McpServerChange) -> McpServer:
    """Raises NoSuchMcpServer, AddressRefused, NoSuchSecret, SecretNotForServers, ToolsChangedAgain."""
    server = hold_server(tx, scope, server_id)
    given = change.model_fields_set
    values: dict[str, object] = {}
    before = _tools(tx, scope, server)
    if change.url is not None and (url := outgoing.check(change.url)) != server.url:
        _forget_policies(tx, server)
        values |= {**_UNSEEN, "url": url, "secret_name": None}
    if "secret" in given:
        _check_secret(tx, scope, change.secret)
        values["secret_name"] = change.secret
    if change.is_enabled is not None:
        values["is_enabled"] = change.is_enabled
    if change.agreed_hash is not None and "url" not in values:
        values |= _agreed(server, change.agreed_hash)
    record(
        tx,
        scope.actor,
        "change_mcp_server",
        ("mcp_server", server.id),
        scope.workspace_id,
        changed=[*sorted(given)],
        agreed=change.agreed_hash,
    )
    changed = _store(tx, server, {**values, "updated_at": now()})
    _say_tools(tx, scope, before, _tools(tx, scope, changed))
    return changed


def _agreed(server: McpServer, agreed: str) -> dict[str, object]:
    """Raises ToolsChangedAgain."""
    if agreed == server.tools_hash and server.new_tools is None:
        return {}
    if agreed != server.new_tools_hash:
        raise ToolsChangedAgain
    return {"tools": server.new_tools, "tools_hash": agreed, "new_tools": None, "new_tools_hash": None}


def delete_server(tx: Tx, scope: Scope, server_id: str) -> None:
    """With what was decided about its tools. Raises NoSuchMcpServer."""
    server = hold_server(tx, scope, server_id)
    before = _tools(tx, scope, server)
    _forget_policies(tx, server)
    tx.write(_DELETE, {"this": server.id})
    _say_tools(tx, scope, before, {})
    _say(tx, server, "deleted")
    record(tx, scope.actor, "delete_mcp_server", ("mcp_server", server.id), scope.workspace_id, name=server.name)


def record_refresh(tx: Tx, scope: Scope, server_id: str) -> None:
    """Raises NoSuchMcpServer."""
    server = hold_server(tx, scope, server_id)
    record(tx, scope.actor, "refresh_mcp_server", ("mcp_server", server.id), scope.workspace_id)


def note_listing(tx: Tx, scope: Scope, server_id: str, listed: Sequence[JsonObject]) -> McpServer:
    """What the server lists now: the first time it is agreed to, later on it waits where it is something else.

    Raises NoSuchMcpServer.
    """
    server = hold_server(tx, scope, server_id)
    values: dict[str, object] = {"last_error": None, "new_tools": None, "new_tools_hash": None}
    told, hash_ = {"tools": [*listed]}, digest(listed)
    if server.tools_hash is None:
        values |= {"tools": told, "tools_hash": hash_}
    elif hash_ != server.tools_hash:
        values |= {"new_tools": told, "new_tools_hash": hash_}
    before = _tools(tx, scope, server)
    noted = _store(tx, server, {**values, "seen_at": now()})
    _say_tools(tx, scope, before, _tools(tx, scope, noted))
    return noted


def note_failure(tx: Tx, scope: Scope, server_id: str, sentence: str) -> McpServer:
    """Raises NoSuchMcpServer."""
    return _store(tx, hold_server(tx, scope, server_id), {"last_error": sentence})


def _store(tx: Tx, server: McpServer, values: dict[str, object]) -> McpServer:
    """Told where something has changed that is not only the time of the last look."""
    row = {name: getattr(server, name) for name in _CHANGEABLE} | values
    changed = tx.write_returning(McpServer, _CHANGE, this=server.id, **{f"new_{name}": row[name] for name in row})
    assert changed is not None, "it is held"
    if any(getattr(server, name) != row[name] for name in _CHANGEABLE if name != "seen_at"):
        _say(tx, changed, "updated")
    return changed


def _check_secret(tx: Tx, scope: Scope, name: str | None) -> None:
    """Neither a provider's key nor what signs a webhook's calls goes to a server that somebody names.

    Raises NoSuchSecret, SecretNotForServers.
    """
    if name is None:
        return
    if name in PROVIDER_KEYS or name.startswith(_OF_WEBHOOKS):
        raise SecretNotForServers
    get_secret(tx, scope, name)


def _forget_policies(tx: Tx, server: McpServer) -> None:
    """Another server may come to have tools of the same names."""
    names = {str(one["name"]) for kept in (server.tools, server.new_tools) for one in definitions(kept)}
    for name in names:
        tx.write(_FORGET, {"workspace": server.workspace_id, "called": tool_name(server.name, name)})


def definitions(kept: JsonObject | None) -> list[JsonObject]:
    """As a row keeps them."""
    listed = (kept or {}).get("tools")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def usable(server: McpServer) -> list[JsonObject]:
    """The definitions that were agreed to and that the server still has."""
    listed = None if server.new_tools is None else definitions(server.new_tools)
    return unchanged(definitions(server.tools), listed)


def tool_names(server: McpServer) -> list[str]:
    """What agents call its usable tools."""
    return [tool_name(server.name, str(one["name"])) for one in usable(server)]


def summary_of(server: McpServer) -> McpServerSummary:
    """Without its URL, which may hold a secret."""
    shown = {name: getattr(server, name) for name in McpServerSummary.model_fields if name != "tools"}
    return McpServerSummary.model_validate({**shown, "tools": tool_names(server)})


def server_view(server: McpServer) -> McpServerView:
    new = changes(definitions(server.tools), definitions(server.new_tools))
    shown = [McpTool.model_validate({**one, "name": tool_name(server.name, str(one["name"]))}) for one in new]
    return McpServerView(**dict(summary_of(server)), url=server.url, secret=server.secret_name, new_tools=shown)


def _tools(tx: Tx, scope: Scope, server: McpServer) -> dict[str, JsonObject]:
    """What the workspace's list of tools shows of this server, by name."""
    decided = policies(tx, scope) if server.is_enabled else {}
    shown = dict[str, JsonObject]()
    for one in usable(server) if server.is_enabled else ():
        name = tool_name(server.name, str(one["name"]))
        policy = decided.get(name) or default_policy(RISK, is_on=True)
        view = ToolView.model_validate(
            {
                **one,
                "name": name,
                "risk": RISK,
                "source": source_of(server.name),
                "allowed": policy.is_allowed,
                "needs_approval": policy.needs_approval,
                "is_default": name not in decided,
            }
        )
        shown[name] = view.model_dump(mode="json")
    return shown


def _say_tools(tx: Tx, scope: Scope, before: dict[str, JsonObject], after: dict[str, JsonObject]) -> None:
    for name in before.keys() - after.keys():
        tx.emit(scope.workspace_id, ResourceChanged(resource="tool", id=name, change="deleted", view=None))
    for name, view in after.items():
        if before.get(name) != view:
            change: Literal["created", "updated"] = "updated" if name in before else "created"
            tx.emit(scope.workspace_id, ResourceChanged(resource="tool", id=name, change=change, view=view))


def _say(tx: Tx, server: McpServer, change: Literal["created", "updated", "deleted"]) -> None:
    view = None if change == "deleted" else summary_of(server).model_dump(mode="json")
    tx.emit(server.workspace_id, ResourceChanged(resource="mcp_server", id=server.id, change=change, view=view))
