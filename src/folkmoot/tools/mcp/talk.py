"""JSON-RPC as the Model Context Protocol speaks it: messages, the handshake, listing and calling tools."""

from typing import Final, Protocol

from folkmoot import __version__
from folkmoot.kernel.errors import BadGateway
from folkmoot.kernel.json import Json, JsonObject, clean_text

OFFERED: Final = "2025-11-25"
VERSIONS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", OFFERED)
"""Of the protocol, those that begin with a handshake."""

_PAGES = 20
_SENTENCE = 500
_NOT_HERE = -32601


class McpFailed(BadGateway):
    """The MCP server did not answer properly"""

    retryable = True


class McpRefused(McpFailed):
    """The MCP server refuses the credential it is given"""

    retryable = False


class McpToolFailed(BadGateway):
    """The MCP server's tool failed"""


class SessionLost(Exception):
    """The server does not know the session any more and has done nothing: a new one can ask again."""


class Asked(Protocol):
    """Who answers requests."""

    async def request(self, method: str, params: JsonObject) -> JsonObject:
        """The result. Raises McpFailed, SessionLost, and what the network does."""
        ...


class Session(Asked, Protocol):
    """A connection that has been greeted."""

    @property
    def is_open(self) -> bool: ...

    async def notify(self, method: str, params: JsonObject) -> None: ...

    async def aclose(self) -> None: ...


def message(method: str, params: JsonObject, number: int | None = None) -> JsonObject:
    """A request with a number, a notification without."""
    sent: JsonObject = {"jsonrpc": "2.0", "method": method, "params": params}
    return sent if number is None else {**sent, "id": number}


def reply_to(asked: JsonObject) -> JsonObject | None:
    """What a server's own request is answered: it may ping, and nothing more; None for what is no request."""
    if "method" not in asked or asked.get("id") is None:
        return None
    answer: JsonObject = {"jsonrpc": "2.0", "id": asked["id"]}
    if asked["method"] == "ping":
        return {**answer, "result": {}}
    return {**answer, "error": {"code": _NOT_HERE, "message": "This client does not do that"}}


def answers(got: Json, number: int) -> bool:
    return isinstance(got, dict) and got.get("id") == number and "method" not in got


def result_of(got: Json) -> JsonObject:
    """Raises McpFailed."""
    match got:
        case {"result": dict(result)}:
            return result
        case {"error": {"message": str(sentence)}}:
            raise McpFailed(f"The MCP server says: {clean_text(sentence)[:_SENTENCE]}")
        case _:
            raise McpFailed


def greeting() -> JsonObject:
    client: JsonObject = {"name": "folkmoot", "version": __version__}
    return {"protocolVersion": OFFERED, "capabilities": {}, "clientInfo": client}


def version_of(welcome: JsonObject) -> str:
    """Raises McpFailed."""
    version = welcome.get("protocolVersion")
    if version not in VERSIONS:
        raise McpFailed("The MCP server speaks no version of the protocol that is known here")
    return str(version)


async def list_tools(session: Asked) -> list[Json]:
    """All pages, as the server tells them. Raises as `request` does."""
    found: list[Json] = []
    params: JsonObject = {}
    for _ in range(_PAGES):
        page = await session.request("tools/list", params)
        tools, cursor = page.get("tools"), page.get("nextCursor")
        if not isinstance(tools, list):
            raise McpFailed
        found += tools
        if not isinstance(cursor, str) or not cursor:
            break
        params = {"cursor": cursor}
    return found
