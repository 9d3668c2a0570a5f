"""Time travel as it is typed: a run told again, compared, exported, forked; over the real app, with no server."""

from pathlib import Path

import pytest

from folkmoot.cli.text import objects
from folkmoot.cli.time_travel import diff_lines
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject, loads
from tests.cli.terminal import Terminal


def parsed(text: str) -> JsonObject:
    value = loads(text)
    assert isinstance(value, dict)
    return value


def words(said: str) -> list[str]:
    """The lines in no order and without what was spent: a follower sees what there is by the time he is told.

    That no model was chosen is said to who starts a run only.
    """
    lines = [line for line in said.splitlines() if "practice" not in line or "with practice" in line]
    return sorted(line.partition("; ")[0] for line in lines)


@pytest.mark.system
def test_a_run_told_again_forked_and_compared(terminal: Terminal) -> None:
    live = terminal.type("run", "Write a haiku about crashes", "--max-rounds", "1")
    run_id = live.out.splitlines()[-1].removeprefix("run ")

    told = terminal.type("runs", "replay", run_id, "--instant")
    assert told.code == 0, told
    assert told.out.splitlines()[-1] == live.out.splitlines()[-1]
    assert words(told.err) == words(live.err)

    exported = terminal.type("runs", "export", run_id, "--out", "run.json")
    assert exported.code == 0, exported
    again = terminal.type("runs", "replay", "run.json", "--speed", "10000")
    assert (again.out, again.err) == (told.out, told.err)

    entries = objects(parsed(terminal.type("runs", "journal", run_id, "--json").out)["entries"])
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    lines = terminal.type("runs", "journal", run_id).out.splitlines()
    assert len(lines) == len(entries)
    assert lines[0].split()[:1] + lines[0].split()[2:4] == ["1", "begun", "begun"]

    forked = terminal.type("runs", "fork", run_id, "--after", "2", "--input", '{"max_rounds": 2}', "--json")
    assert forked.code == 0, forked
    fork_id = str(parsed(forked.out)["run_id"])
    assert terminal.type("runs", "diff", run_id, run_id).code == 0
    found = terminal.type("runs", "diff", run_id, fork_id)
    assert found.code == 1
    assert "    replace /input/max_rounds 2" in found.out.splitlines()

    made = terminal.type("runs", "artifacts", fork_id, "--out", "kept")
    assert made.code == 0, made
    assert [path.name in made.out for path in Path("kept").iterdir()] != []


@pytest.mark.system
def test_what_cannot_be_done_is_a_sentence(terminal: Terminal) -> None:
    Path("notes.txt").write_text("no run")
    for arguments, said in (
        (("replay", "nowhere.json"), "neither a run's id nor a file"),
        (("replay", "notes.txt"), "no file that folkmoot runs export has written"),
        (("diff", new_id(), "x"), "no run's id"),
        (("fork", new_id(), "--after", "1", "--input", "[]"), "no object"),
        (("fork", new_id(), "--after", "1"), "Run not found"),
        (("retry", new_id()), "Run not found"),
    ):
        printed = terminal.type("runs", *arguments)
        assert printed.code == 2, printed
        assert said in printed.err, printed


def test_differences_as_lines() -> None:
    found: JsonObject = {
        "differences": [
            {"kind": "begun", "key": "begun", "seq": 1, "other_seq": 1, "patch": [{"op": "remove", "path": "/a"}]},
            {"kind": "done", "key": "x", "seq": 4, "other_seq": None, "patch": []},
            {"kind": "done", "key": "y", "seq": None, "other_seq": 5, "patch": []},
        ]
    }
    assert diff_lines(found) == [
        "! begun begun (entries 1 and 1)",
        "    remove /a",
        "- done x (entry 4): only the first run has it",
        "+ done y (entry 5): only the second run has it",
    ]
    assert diff_lines({"differences": []}) == ["The runs are the same, apart from times, ids and usage"]
