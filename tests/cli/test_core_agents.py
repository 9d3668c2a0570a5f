"""The core agents as they are typed, over the real app with no server running."""

import pytest

from tests.cli.terminal import Terminal

pytestmark = pytest.mark.system


def test_they_are_made_and_driven(terminal: Terminal) -> None:
    early = terminal.type("drive", "Anything")
    assert early.code != 0
    assert "Call /api/init first" in early.err
    assert terminal.type("init").out == "The core agents are ready\n"
    assert terminal.type("init").out == "The core agents were ready already\n"
    driven = terminal.type("drive", "Say what happens to a run after a crash", "--context", "Be brief")
    assert (driven.code, "crash" in driven.out) == (0, True)


def test_agents_are_designed_cloned_and_exported(terminal: Terminal) -> None:
    terminal.type("init")
    made = terminal.type("agents", "create-dynamic", "Painter", "--can", "paint", "--can", "draw", "--reason", "Walls")
    assert made.out.startswith("Painter is agent 4\nagent ")
    cloned = terminal.type("agents", "clone", "painter", "--name", "Second")
    assert cloned.out.startswith("second active\n")
    exported = terminal.type("agents", "export", "painter", "--slug", "brush")
    assert exported.out.startswith("brush\ndefinition ")
    definition = exported.out.split()[-1]
    assert terminal.type("agents", "delete-definition", definition).out == f"{definition} is deleted\n"


def test_what_can_be_no_definition_is_said(terminal: Terminal) -> None:
    refused = terminal.type("agents", "delete-definition", "assistant")
    assert refused.code == 2
    assert "no definition's id" in refused.err
