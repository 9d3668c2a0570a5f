"""Every SELECT on MCP servers."""

from dataclasses import dataclass

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound, existing
from folkmoot.kernel.scope import Scope
from folkmoot.providers.queries import find_secret
from folkmoot.providers.tables import Secret
from folkmoot.tools.tables import McpServer

SERVER_COLUMNS = McpServer.__table__.columns
_HERE = sa.select(*SERVER_COLUMNS).where(McpServer.workspace_id == sa.bindparam("workspace"))
_SERVER = _HERE.where(McpServer.id == sa.bindparam("this"))
_HELD = _SERVER.with_for_update()
_NAMED = _HERE.where(McpServer.name == sa.bindparam("called"))
_ENABLED = _HERE.where(McpServer.is_enabled).order_by(McpServer.name)
_LISTED = _HERE.order_by(McpServer.name).limit(sa.bindparam("rows")).offset(sa.bindparam("skip"))
_COUNT = sa.select(sa.func.count()).select_from(McpServer).where(McpServer.workspace_id == sa.bindparam("workspace"))


class NoSuchMcpServer(NotFound):
    """MCP server not found"""


@dataclass(frozen=True, slots=True)
class Reach:
    """A server and the secret it is sent, which may be gone."""

    server: McpServer
    secret: Secret | None


def reach_of(tx: Tx, scope: Scope, server_id: str) -> Reach:
    """Raises NoSuchMcpServer."""
    server = get_server(tx, scope, server_id)
    return Reach(server, find_secret(tx, scope, server.secret_name) if server.secret_name else None)


def get_server(tx: Tx, scope: Scope, server_id: str) -> McpServer:
    """Raises NoSuchMcpServer, for another workspace's too."""
    return existing(tx.first(McpServer, _SERVER, workspace=scope.workspace_id, this=server_id), NoSuchMcpServer)


def hold_server(tx: Tx, scope: Scope, server_id: str) -> McpServer:
    """As `get_server`, and nobody else changes it until the unit ends."""
    return existing(tx.first(McpServer, _HELD, workspace=scope.workspace_id, this=server_id), NoSuchMcpServer)


def find_named(tx: Tx, scope: Scope, name: str) -> McpServer | None:
    return tx.first(McpServer, _NAMED, workspace=scope.workspace_id, called=name)


def enabled_servers(tx: Tx, scope: Scope) -> list[McpServer]:
    """By name."""
    return tx.all(McpServer, _ENABLED, workspace=scope.workspace_id)


def count_servers(tx: Tx, scope: Scope) -> int:
    count: int = tx.scalar(_COUNT, workspace=scope.workspace_id)
    return count


def list_servers(tx: Tx, scope: Scope, skip: int, limit: int) -> tuple[list[McpServer], int]:
    """By name, and how many there are."""
    rows = tx.all(McpServer, _LISTED, workspace=scope.workspace_id, rows=limit, skip=skip)
    return rows, count_servers(tx, scope)
