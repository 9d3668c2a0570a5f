"""Teams as they are typed and as they stand in YAML files."""

from pathlib import Path

import pytest

from folkmoot.cli.problems import BadUsage
from folkmoot.cli.team_files import is_file, read_teams, written
from folkmoot.kernel.json import JsonObject, loads
from tests.cli.terminal import Terminal

DESK = """
slug: desk
name: Research desk
orchestration: handoff
lead: {slug: editor, instructions: You see that the question is answered.}
members:
  - slug: writer
    instructions: You write.
limits: {max_turns: 6}
"""
CAREFUL = """
slug: careful
lead: {slug: planner, instructions: You plan.}
members: [{slug: worker, instructions: You work.}]
reviewer: {person: true}
approval: {plan: true}
"""


def file(folder: Path, text: str) -> Path:
    path = folder / "teams.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_holds_one_team_or_several(tmp_path: Path) -> None:
    desk, careful = read_teams(file(tmp_path, f"{DESK}---{CAREFUL}"))
    assert (desk.slug, desk.orchestration, desk.limits.max_turns) == ("desk", "handoff", 6)
    assert careful.approval.plan
    assert [is_file(name) for name in ("desk.yaml", "a/B.YML", "desk")] == [True, True, False]


def test_what_is_written_reads_back_the_same(tmp_path: Path) -> None:
    teams = read_teams(file(tmp_path, f"{DESK}---{CAREFUL}"))
    views: list[JsonObject] = [team.model_dump(mode="json") for team in teams]
    assert read_teams(file(tmp_path, written(views))) == teams


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no team"),
        ("- a\n- b", "valid dictionary"),
        ("slug: [", "no YAML"),
        ("!!python/object/apply:os.system ['true']", "no YAML"),
        ("slug: desk", "lead: Field required"),
        (DESK.replace("handoff", "anarchy"), "orchestration: Input should be"),
        (f"{DESK}surprise: 1", "surprise: Extra inputs"),
        ("a: &a [1]\nb: [*a, 2020-01-01]", "Field required"),
    ],
)
def test_a_file_that_is_wrong_is_told_in_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadUsage, match=says):
        read_teams(file(tmp_path, text))


def test_a_file_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="There is no file"):
        read_teams(tmp_path / "nothing.yaml")
    with pytest.raises(BadUsage, match="cannot be read"):
        read_teams(tmp_path)


@pytest.mark.system
def test_teams_are_applied_shown_run_and_deleted(terminal: Terminal) -> None:
    path = str(file(terminal.folder, DESK))
    assert terminal.type("teams", "apply", path).out == "desk is made\n"
    assert terminal.type("teams", "apply", path).out == "desk is left as it was\n"
    file(terminal.folder, DESK.replace("max_turns: 6", "max_turns: 7"))
    assert terminal.type("teams", "apply", path).out == "desk is changed\n"
    listed = terminal.type("teams", "list").out
    assert [line.split()[0] for line in listed.splitlines()] == ["SLUG", "mgx", "desk"]
    assert "max_turns: 7" in terminal.type("teams", "show", "desk").out
    copied = terminal.folder / "copy.yaml"
    assert terminal.type("teams", "export", "desk", "--out", str(copied)).code == 0
    assert terminal.type("teams", "apply", str(copied)).out == "desk is left as it was\n"
    run = terminal.type("run", "Build a boat", "--team", path, "--json")
    assert run.code == 0, run
    result = loads(run.out)
    assert isinstance(result, dict)
    assert result["stop_reason"] == "delivered"
    assert terminal.type("teams", "delete", "desk").out == "desk is deleted\n"
    assert terminal.type("teams", "show", "desk").code == 2
    assert terminal.type("teams", "delete", "mgx").code == 1


@pytest.mark.system
def test_roles_that_name_tools_which_nobody_has(terminal: Terminal) -> None:
    path = str(file(terminal.folder, DESK.replace("You write.", "You write.\n    tools: [serch_knowledge]")))
    warning = "warning: writer: There is no tool serch_knowledge here now; it is passed over\n"
    for command in (("teams", "apply", path), ("teams", "show", "desk")):
        assert terminal.type(*command).err == warning
    assert warning in terminal.type("run", "Build a boat", "--team", path).err
    assert terminal.type("teams", "export", "desk").err == ""
    assert "writer in the team desk names serch_knowledge" in terminal.type("doctor").out


@pytest.mark.system
def test_a_plan_is_approved_at_the_terminal(terminal: Terminal) -> None:
    stands = terminal.type("run", "Build a boat", "--approve-plan")
    assert stands.code == 1
    assert "awaiting_approval" in stands.out
    listed = loads(terminal.type("approvals", "list", "--json").out)
    assert isinstance(listed, dict)
    approvals = listed["approvals"]
    assert isinstance(approvals, list)
    (approval,) = approvals
    assert isinstance(approval, dict)
    assert approval["subject"] == "plan"
    assert terminal.type("approvals", "resolve", str(approval["id"]), "approve").code == 0
    resumed = terminal.type("resume", str(approval["run_id"]))
    assert resumed.code == 0, resumed
    assert "completed" in resumed.out
