"""Tools and MCP servers as they are typed, over the real app with no server running."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.terminal import Terminal
from tests.stubs.mcp_stub import ECHO, McpStub

pytestmark = pytest.mark.system


@contextmanager
def serving() -> Iterator[McpStub]:
    """A stub on a loop of its own: each command has one of its own too."""
    loop, stub = asyncio.new_event_loop(), McpStub()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(stub.__aenter__(), loop).result(10)
        yield stub
        asyncio.run_coroutine_threadsafe(stub.__aexit__(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_tools_are_listed_allowed_forbidden_and_called(terminal: Terminal) -> None:
    listed = terminal.type("tools", "list").out
    assert "fetch_url" in listed
    assert terminal.type("tools", "forbid", "fetch_url").out == "fetch_url: forbidden\n"
    assert terminal.type("tools", "allow", "fetch_url").out == "fetch_url: allowed, asked first\n"
    assert terminal.type("tools", "allow", "fetch_url", "--unasked").out == "fetch_url: allowed\n"
    called = terminal.type("tools", "call", "calculate", '{"expression": "6 * 7"}')
    assert (called.code, called.out) == (0, '{"expression":"6 * 7","value":42}\n')
    wrong = terminal.type("tools", "call", "calculate", '{"expression": "six"}')
    assert (wrong.code, "not arithmetic" in wrong.out) == (1, True)
    assert terminal.type("tools", "call", "calculate", "six").code == 2
    assert terminal.type("tools", "allow", "nonsense").code == 2


def test_servers_are_added_refreshed_and_removed(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert terminal.type("mcp", "list").out.startswith("There are no MCP servers here")
    with serving() as stub:
        monkeypatch.setenv("OUTGOING_ALLOWED_HOSTS", stub.address)
        added = terminal.type("mcp", "add", "stub", stub.url)
        assert (added.code, added.out) == (0, "stub: enabled\n  stub__echo\n  stub__picture\n")
        assert "enabled" in terminal.type("mcp", "list").out
        called = terminal.type("mcp", "call", "stub", "echo", '{"text": "hello"}')
        assert called.out.splitlines()[-1] == "hello"
        stub.tools = [{**ECHO, "description": "Else."}]
        refreshed = terminal.type("mcp", "refresh", "stub")
        assert refreshed.out == "stub: changed\n  not agreed to: stub__echo: Else.\n"
        assert terminal.type("mcp", "refresh", "stub", "--agree").out == "stub: enabled\n  stub__echo\n"
        assert terminal.type("mcp", "remove", "stub").out == "stub is removed\n"
        assert terminal.type("mcp", "remove", "stub").code == 2
        inside = terminal.type("mcp", "add", "inside", "http://127.0.0.1:1/")
        assert (inside.code, "may not be called" in inside.err) == (2, True)
