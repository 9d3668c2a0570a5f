"""The log at the terminal: what happened, and what happens, through a server that is started again."""

import asyncio
from pathlib import Path

import pytest

from folkmoot.cli.events import event_line
from folkmoot.kernel.json import JsonObject, loads
from tests.cli.terminal import Terminal, process, until
from tests.system.server import server

EVENT: JsonObject = {
    "event_type": "run_status_changed",
    "timestamp": "2026-01-02T03:04:05.678Z",
    "seq": 12,
    "workspace_id": "w",
    "run_id": "r",
    "data": {"status": "running"},
}


def test_an_event_is_one_line() -> None:
    assert event_line(EVENT) == '12  2026-01-02 03:04:05  run_status_changed  run_id r  {"status":"running"}'


def test_following_nobody_is_refused(terminal: Terminal) -> None:
    printed = terminal.type("events", "--follow")
    assert (printed.code, printed.out) == (2, "")
    assert "start a server with: folkmoot serve" in printed.err


@pytest.mark.system
def test_what_happened_is_listed(terminal: Terminal) -> None:
    assert terminal.type("agents", "create", "assistant").code == 0
    printed = terminal.type("events", "--json")
    page = loads(printed.out)
    assert isinstance(page, dict)
    events = page["events"]
    assert isinstance(events, list)
    assert terminal.type("events").out.count("\n") == len(events) > 0
    assert terminal.type("events", "--channel", "agents").out.count("agent_id ") > 0
    assert terminal.type("events", "--channel", "nonsense").code == 2


@pytest.mark.system
async def test_what_happens_is_followed(tmp_path: Path) -> None:
    async with server(tmp_path):
        with process(tmp_path, "events", "--follow", "--after", "0", "--json") as following:
            for name in ("Ada", "Bob"):
                with process(tmp_path, "agents", "create", "assistant", "--name", name) as made:
                    assert await asyncio.to_thread(made.wait, 30) == 0
                line = loads(await asyncio.wait_for(asyncio.to_thread(until, following.stdout, f'"{name}"'), 30))
                assert isinstance(line, dict)
                assert line["seq"]
