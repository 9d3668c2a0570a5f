"""Schedules and webhooks as they are typed, over the real app with no server running."""

import pytest

from folkmoot.kernel.json import JsonObject, loads
from tests.cli.terminal import Printed, Terminal


def parsed(printed: Printed) -> JsonObject:
    assert printed.code == 0, printed
    value = loads(printed.out)
    assert isinstance(value, dict)
    return value


@pytest.mark.system
def test_a_schedule_is_made_paused_resumed_and_run(terminal: Terminal) -> None:
    empty = terminal.type("schedules", "list")
    assert empty.out == "There are no schedules here; folkmoot schedules create makes one\n"
    made = terminal.type(
        "schedules", "create", "Rare", "0 0 29 2 *", "--do", "Say what is new", "--zone", "Europe/Berlin"
    )
    assert made.code == 0, made
    said, schedule_id = made.out.splitlines()
    assert said == "Rare is due at 2028-02-28 23:00 UTC"
    schedule_id = schedule_id.removeprefix("schedule ")
    assert terminal.type("schedules", "pause", schedule_id).out.splitlines()[0] == "Rare paused"
    listed = terminal.type("schedules", "list")
    assert "paused" in listed.out
    assert terminal.type("schedules", "resume", schedule_id).out.splitlines()[0] == said
    run = parsed(terminal.type("schedules", "run", schedule_id, "--json"))
    assert run["task_id"]
    assert terminal.type("schedules", "create", "No", "every day", "--do", "x").code == 2
    assert terminal.type("schedules", "create", "No", "* * * * *").code == 2
    assert terminal.type("schedules", "pause", "nobody").code == 2


@pytest.mark.system
def test_a_webhook_is_made_and_deleted(terminal: Terminal) -> None:
    made = parsed(
        terminal.type("webhooks", "create", "Tickets", "https://hooks.example/", "--type", "failure", "--json")
    )
    webhook_id = str(made["id"])
    assert (made["types"], str(made["secret"])[:7]) == (["failure"], "fmhook_")
    listed = terminal.type("webhooks", "list")
    assert "https://hooks.example/" in listed.out
    assert "fmhook_" not in listed.out
    assert terminal.type("webhooks", "deliveries", webhook_id).out == "Nothing was sent yet\n"
    refused = terminal.type("webhooks", "create", "Inside", "http://127.0.0.1/")
    assert (refused.code, "may not be called" in refused.err) == (2, True)
    assert terminal.type("webhooks", "delete", webhook_id).out == f"{webhook_id} is deleted\n"
