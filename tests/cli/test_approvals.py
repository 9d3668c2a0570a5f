"""Approvals as they are typed."""

import pytest

from folkmoot.cli.approvals import approval_lines
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.approval_schemas import ApprovalView
from tests.cli.terminal import Terminal

EXAMPLES = ApprovalView.model_config["json_schema_extra"]


def _example() -> JsonObject:
    assert isinstance(EXAMPLES, dict)
    examples = EXAMPLES["examples"]
    assert isinstance(examples, list)
    example = examples[0]
    assert isinstance(example, dict)
    return {**example}


def test_an_approval_in_lines() -> None:
    decided = approval_lines(_example())
    assert decided[0] == "Crash promises: Shall the team work by this plan?"
    assert "status    rejected" in decided
    assert "by        Local owner" in decided
    assert "feedback  Leave the second step out" in decided
    assert not any(line.startswith("expires") for line in decided)
    assert '"id": "s1"' in decided[-1]
    waiting = approval_lines({**_example(), "status": "pending", "decided_by": None, "detail": {}})
    assert waiting[-1] == "expires   2026-11-21 11:48 UTC, then reject"


def test_what_is_no_approval_is_not_asked_for(terminal: Terminal) -> None:
    refused = terminal.type("approvals", "resolve", "this", "approve")
    assert (refused.code, "is no approval's id" in refused.err) == (2, True)
    assert terminal.type("approvals", "resolve", new_id(), "perhaps").code == 2


@pytest.mark.system
def test_where_nothing_is_asked(terminal: Terminal) -> None:
    assert terminal.type("approvals", "list").out == "Nothing waits for a decision here\n"
    assert terminal.type("approvals", "list", "--status", "all").out == "There is none here\n"
    assert terminal.type("approvals", "show", new_id()).code == 2
