"""The main job as it is typed, over the real app and the practice model, with no server running."""

import re
from pathlib import Path

import pytest

from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject, loads
from tests.cli.terminal import Terminal

NOTES = """# Crashes

A run survives a crash: its journal is the checkpoint. After kill -9 a restart finishes every run.
No journalled model call is made again.
"""
TASK = "Summarise what the notes promise about crashes, with sources"


def parsed(text: str) -> JsonObject:
    value = loads(text)
    assert isinstance(value, dict)
    return value


@pytest.mark.system
def test_a_team_delivers(terminal: Terminal) -> None:
    (terminal.folder / "notes.md").write_text(NOTES)
    printed = terminal.type("run", TASK, "--file", "notes.md", "--out", "out")
    assert printed.code == 0, printed
    lines = printed.out.splitlines()
    assert lines[-3].startswith("completed (approved)")
    assert " calls, " in lines[-2]
    run_id = lines[-1].removeprefix("run ")
    written = list(Path("out").iterdir())
    assert written
    assert "Artifacts in out:" in lines
    assert all(path.read_text() for path in written)
    for said in ("reading notes.md", f"run {run_id}", "plan (complexity", "100 %", "no cost", "practice"):
        assert said in printed.err, said

    shown = terminal.type("runs", "list")
    assert shown.code == 0
    assert run_id in shown.out
    shown = terminal.type("runs", "show", run_id)
    assert "status    completed (approved)" in shown.out
    shown = terminal.type("runs", "logs", run_id)
    assert shown.out.splitlines()[0].endswith("The run began")
    assert "The run ended completed" in shown.out.splitlines()[-1]
    again = terminal.type("resume", run_id, "--out", "again")
    assert again.code == 0
    assert sorted(path.name for path in Path("again").iterdir()) == sorted(path.name for path in written)
    ended = terminal.type("runs", "cancel", run_id)
    assert ended.code == 1
    assert "completed" in ended.err


@pytest.mark.system
def test_json_is_one_object_and_nothing_else(terminal: Terminal) -> None:
    printed = terminal.type("run", "Write a haiku about crashes", "--json", "--max-rounds", "1")
    assert printed.err == ""
    told = parsed(printed.out)
    assert printed.code == (0 if told["status"] == "completed" else 1)
    assert re.fullmatch(r"[0-9a-f-]{36}", str(told["run_id"]))
    artifacts = told["artifacts"]
    assert isinstance(artifacts, list)
    for artifact in artifacts:
        assert isinstance(artifact, dict)
        assert Path(str(artifact["path"])).parent == Path("folkmoot-out") / str(told["run_id"])
        assert Path(str(artifact["path"])).is_file()
    for name, verb in (("runs", "list"), ("logs", "logs"), ("id", "show")):
        arguments = ("runs", verb) if verb == "list" else ("runs", verb, str(told["run_id"]))
        assert name in parsed(terminal.type(*arguments, "--json").out)


@pytest.mark.system
def test_what_the_api_refuses_is_a_sentence_and_exit_code_2(terminal: Terminal) -> None:
    for arguments in (
        ("run", "x", "--team", "no-such-team"),
        ("run", "x", "--model", "no-such-provider:x"),
        ("run", "x" * 200_000),
        ("resume", new_id()),
        ("runs", "logs", new_id()),
    ):
        printed = terminal.type(*arguments)
        assert printed.code == 2, (arguments[-1][:40], printed)
        assert printed.out == ""
        assert re.fullmatch(r"folkmoot: [^\n]{10,500}\n", printed.err), printed.err


def test_no_runs_yet(terminal: Terminal) -> None:
    printed = terminal.type("runs", "list")
    assert (printed.code, printed.err) == (0, "")
    assert printed.out.startswith("There are no runs yet")


def test_the_database_command(terminal: Terminal) -> None:
    before = terminal.type("db", "current")
    assert before.code == 1
    assert "nothing yet" in before.out
    assert "upgraded to" in terminal.type("db", "upgrade").out
    assert "already at" in terminal.type("db", "upgrade").out
    assert terminal.type("db", "current").code == 0
