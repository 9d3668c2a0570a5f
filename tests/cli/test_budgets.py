"""Budgets and usage as they are typed, over the real app with no server running."""

import pytest

from folkmoot.kernel.json import loads
from tests.cli.terminal import Terminal


@pytest.mark.system
def test_a_budget_is_set_raised_and_deleted(terminal: Terminal) -> None:
    assert terminal.type("budgets", "list").out == "There are no budgets here; folkmoot budgets set makes one\n"
    made = loads(terminal.type("budgets", "set", "--usd", "2.50", "--period", "day", "--json").out)
    assert isinstance(made, dict)
    budget_id = str(made["id"])
    again = loads(terminal.type("budgets", "set", "workspace", "--tokens", "10", "--period", "day", "--json").out)
    assert isinstance(again, dict)
    assert (again["id"], again["usd"], again["tokens"]) == (budget_id, None, 10)
    raised = terminal.type("budgets", "raise", budget_id, "--usd", "5")
    assert raised.out == f"budget {budget_id} for workspace: 0 of 5 USD, 0 of 10 tokens used today\n"
    assert budget_id in terminal.type("budgets", "list").out
    for wrong in (["set"], ["set", "agent", "--usd", "1"], ["raise", budget_id], ["raise", "x", "--usd", "1"]):
        assert terminal.type("budgets", *wrong).code == 2
    assert terminal.type("budgets", "delete", budget_id).out == f"{budget_id} is deleted\n"


@pytest.mark.system
def test_usage_is_shown_and_written(terminal: Terminal) -> None:
    assert terminal.type("usage").out == "No language model was called yet\n"
    assert terminal.type("run", "Say what holds after a crash").code == 0
    shown = terminal.type("usage", "--group-by", "kind")
    heading, team, whole = shown.out.splitlines()
    assert (heading.split()[0], team.split()[0], whole.split()[0]) == ("KIND", "team", "all")
    assert "no cost" in team
    assert terminal.type("usage", "--csv", "usage.csv").out == "usage.csv\n"
    written = (terminal.folder / "usage.csv").read_text().splitlines()
    assert written[0].startswith("key,calls,")
    assert written[1].startswith("practice:practice,")
    assert terminal.type("usage", "--csv", "no/such/usage.csv").code == 2
    assert terminal.type("usage", "--from", "yesterday").code == 2
