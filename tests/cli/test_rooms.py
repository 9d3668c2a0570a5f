"""Rooms at the terminal over the real app with no server running: made, filled, read, and how they are named."""

import pytest

from folkmoot.cli.problems import BadUsage
from folkmoot.cli.room_names import who_is
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject, loads
from tests.cli.terminal import Printed, Terminal


def parsed(printed: Printed) -> JsonObject:
    assert printed.code == 0, printed
    value = loads(printed.out)
    assert isinstance(value, dict)
    return value


def test_somebody_is_an_agent_or_a_user() -> None:
    assert who_is("agent:ada") == ("agent", "ada")
    assert who_is("user:local") == ("user", "local")
    for wrong in ("ada", "agent:", "team:x", ":ada", ""):
        with pytest.raises(BadUsage, match="is nobody"):
            who_is(wrong)


def test_what_cannot_be_asked_leaves_no_trace(terminal: Terminal) -> None:
    for arguments in (
        ("rooms", "add", "harbour", "ada"),
        ("rooms", "remove", "harbour", "ada"),
        ("rooms", "create", "Harbour", "--settings", "[]"),
        ("rooms", "create", "Harbour", "--frequency", "2"),
        ("rooms", "add", "harbour", "agent:ada", "--trigger", "{"),
        ("rooms", "create", "\udcff"),
        ("rooms", "log", "harbour", "--after", "-1"),
        ("rooms", "attach", "harbour", "."),
        ("rooms", "attach", "harbour", "no-such-file.md"),
        ("rooms", "attach", "harbour", "~nobody-is-called-so/a\0.md"),
    ):
        printed = terminal.type(*arguments)
        assert (printed.code, printed.out) == (2, ""), arguments
    assert not (terminal.folder / "data").exists()


@pytest.mark.system
def test_a_room_is_made_filled_and_read(terminal: Terminal) -> None:
    assert terminal.type("rooms", "list").out.startswith("You are in no room here")
    made = parsed(
        terminal.type("rooms", "create", "Harbour", "--mode", "mentions", "--settings", '{"max_speakers": 2}', "--json")
    )
    assert (made["mode"], made["ai_frequency"]) == ("mentions", 0.0)
    assert terminal.type("agents", "create", "assistant", "--name", "Ada").code == 0
    added = terminal.type("rooms", "add", "HARBOUR", "agent:ada", "--trigger", '{"message_count": 3}', "--asleep")
    assert (added.code, added.out) == (0, "@ada  Ada  agent, participant, asleep\n"), added
    again = terminal.type("rooms", "add", str(made["id"]), "agent:ada")
    assert (again.code, "Already in the room" in again.err) == (1, True)
    shown = terminal.type("rooms", "show", "harbour")
    assert "mode       mentions" in shown.out
    assert shown.out.endswith("user:local  local owner  person, owner\n@ada  Ada  agent, participant, asleep\n")
    members = parsed(terminal.type("rooms", "show", "harbour", "--json"))["members"]
    assert isinstance(members, list)
    assert [one["member_kind"] for one in members if isinstance(one, dict)] == ["user", "agent"]
    (terminal.folder / "ferry.md").write_text("The zebra ferry leaves at nine.")
    file = str(terminal.folder / "ferry.md")
    attached = [parsed(terminal.type("rooms", "attach", "harbour", file, "--json")) for _ in range(2)]
    assert (attached[0]["room_id"], attached[0]["status"], attached[0]["source"]) == (made["id"], "ready", None)
    assert attached[1]["id"] == attached[0]["id"]
    again = terminal.type("rooms", "attach", "harbour", file)
    assert again.out == f"ferry.md\ndocument {attached[0]['id']}\n"
    (terminal.folder / "blank.md").write_text(" ")
    assert terminal.type("rooms", "attach", "harbour", str(terminal.folder / "blank.md")).code == 2
    assert terminal.type("rooms", "log", "harbour").out == "Nothing was said here\n"
    assert terminal.type("rooms", "search", "crash").out == "Nothing was found\n"
    assert terminal.type("rooms", "search", "crash", "--room", "quay").code == 2
    assert terminal.type("rooms", "remove", "harbour", "agent:ada").out == "agent:ada has left the room\n"
    assert terminal.type("rooms", "remove", "harbour", "agent:ada").code == 2
    assert terminal.type("rooms", "add", "harbour", "agent:nobody").code == 2
    assert "Harbour" in terminal.type("rooms", "list").out


@pytest.mark.system
def test_a_name_that_several_rooms_have_is_refused(terminal: Terminal) -> None:
    ids = [str(parsed(terminal.type("rooms", "create", "Harbour", "--json"))["id"]) for _ in range(2)]
    printed = terminal.type("rooms", "show", "harbour")
    assert (printed.code, all(id in printed.err for id in ids)) == (2, True)
    assert terminal.type("rooms", "delete", ids[0]).out == f"{ids[0]} is deleted\n"
    assert terminal.type("rooms", "show", "harbour").code == 0
    assert terminal.type("rooms", "show", new_id()).code == 2
    assert "no room that is called 'quay'" in terminal.type("rooms", "show", "quay").err
