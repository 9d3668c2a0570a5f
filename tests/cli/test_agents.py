"""Agents, their contexts and workspaces as they are typed, over the real app with no server running."""

import io
import sys
from typing import cast

import pytest

from folkmoot.kernel.json import JsonObject, loads
from tests.cli.terminal import Printed, Terminal


def parsed(printed: Printed) -> JsonObject:
    assert printed.code == 0, printed
    value = loads(printed.out)
    assert isinstance(value, dict)
    return value


def row(printed: Printed, slug: str) -> list[str]:
    """The words of the line of a table in which the slug is."""
    return next(words for line in printed.out.splitlines() if slug in (words := line.split()))


def stdin_is(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))


@pytest.mark.system
def test_an_agent_is_made_rests_works_speaks_and_goes(terminal: Terminal) -> None:
    empty = terminal.type("agents", "list")
    assert (empty.code, empty.out) == (
        0,
        "There are no agents here; make one with: folkmoot agents create assistant\n",
    )
    assert row(terminal.type("agents", "definitions"), "reviewer")[1] == "reviewer"
    made = terminal.type("agents", "create", "assistant", "--name", "Ada L.", "--config", '{"max_tokens": 99}')
    assert made.code == 0, made
    said, agent_id = made.out.splitlines()
    assert said == "ada-l active"
    agent_id = agent_id.removeprefix("agent ")
    listed = terminal.type("agents", "list")
    assert listed.out.splitlines()[0].split() == ["NUMBER", "SLUG", "STATUS", "TYPE", "NAME"]
    number, *_ = row(listed, "ada-l")
    shown = terminal.type("agents", "show", number)
    assert f"agent    {agent_id}" in shown.out
    assert 'config   {"max_tokens":99}' in shown.out
    assert parsed(terminal.type("agents", "show", "ada-l", "--json"))["id"] == agent_id
    for reference, verb, status in (
        (number, "deactivate", "idle"),
        ("ada-l", "shutdown", "offline"),
        (agent_id, "activate", "active"),
    ):
        assert terminal.type("agents", verb, reference) == (0, f"ada-l {status}\nagent {agent_id}\n", "")
    reply = terminal.type("agents", "message", "ada-l", "Hello there")
    assert reply.code == 0
    assert "Hello there" in reply.out
    assert terminal.type("agents", "delete", "ada-l") == (0, "ada-l is deleted\n", "")
    gone = terminal.type("agents", "activate", agent_id, "--json")
    assert gone.code == 2
    assert cast("JsonObject", loads(gone.out))["code"] == "no_such_agent"


@pytest.mark.system
def test_what_the_api_refuses_is_one_sentence(terminal: Terminal) -> None:
    assert terminal.type("agents", "create", "assistant", "--no-activate").out.startswith("assistant idle\n")
    for arguments, code, says in (
        (("create", "nope"), 2, "folkmoot: Agent definition not found."),
        (("create", "assistant", "--config", '{"temperature": 9}'), 2, "config.temperature"),
        (("list", "--status", "asleep"), 2, "query.status"),
        (("list", "--workspace", "nowhere"), 2, "folkmoot: Workspace not found."),
        (("shutdown", "nobody"), 2, "folkmoot: Agent not found."),
        (("context", "rollback", "assistant", "1"), 2, "no such version"),
    ):
        printed = terminal.type("agents", *arguments)
        assert (printed.code, printed.out) == (code, ""), arguments
        assert says in printed.err, arguments
        assert printed.err.count("\n") == 1


@pytest.mark.system
def test_a_context_is_written_read_rolled_back_and_remembered(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert terminal.type("agents", "create", "assistant", "--name", "Ada").code == 0
    first = terminal.type("agents", "context", "show", "ada")
    assert first == (0, "{}\n", "default at version 0\n")

    # A mark that would reorder a terminal's text is shown as JSON's escape, and is what it was when written back.
    written = '{"plan": "\\u202ea", "é": 1}'
    (terminal.folder / "state.json").write_text(written)
    said = terminal.type(
        "agents", "context", "write", "ada", "@state.json", "--expected-version", "0", "--description", "Begun"
    )
    assert said.out.startswith("default at version 1; user:local, ")
    assert said.out.endswith(": Begun\n")
    shown = terminal.type("agents", "context", "show", "ada")
    assert shown.out == '{\n  "plan": "\\u202ea",\n  "é": 1\n}\n'
    stdin_is(monkeypatch, shown.out.encode())
    copied = parsed(terminal.type("agents", "context", "write", "ada", "-", "--json"))
    assert (copied["version"], copied["data"]) == (2, loads(written))

    late = terminal.type("agents", "context", "write", "ada", '{"plan": "c"}', "--expected-version", "1")
    assert (late.code, late.out) == (1, "")
    assert "The current version is 2, not 1" in late.err
    assert terminal.type("agents", "context", "write", "ada", '{"plan": "c"}').code == 0

    assert terminal.type("agents", "context", "rollback", "ada", "1").out.endswith(": Begun\n")
    old = terminal.type("agents", "context", "show", "ada", "--version", "3")
    assert loads(old.out) == {"plan": "c"}
    assert old.err.startswith("default at version 3, the current one is 1; user:local")
    history = terminal.type("agents", "context", "history", "ada", "--limit", "2")
    assert [line.split()[0] for line in history.out.splitlines()] == ["VERSION", "3", "2"]
    assert history.err == "1 to 2 of 3; go on with --skip 2\n"
    rest = terminal.type("agents", "context", "history", "ada", "--skip", "2")
    assert row(rest, "1")[-1] == "Begun"
    assert rest.err == ""
    other = terminal.type("agents", "context", "history", "ada", "--name", "plans")
    assert other.out == "Nothing is written to plans yet\n"


@pytest.mark.system
def test_a_workspace_keeps_its_agents_to_itself(terminal: Terminal) -> None:
    slug, workspace_id = terminal.type("workspaces", "create", "North Harbour").out.splitlines()
    workspace_id = workspace_id.removeprefix("workspace ")
    assert row(terminal.type("workspaces", "list"), slug)[0] == workspace_id
    assert terminal.type("agents", "create", "builder", "--workspace", slug).code == 0
    there = parsed(terminal.type("agents", "list", "--workspace", workspace_id, "--json"))
    assert there["total"] == 1
    assert parsed(terminal.type("agents", "list", "--json"))["total"] == 0
    kept = ("agents", "context", "write", "builder", "{}")
    assert terminal.type(*kept).code == 2
    assert terminal.type(*kept, "--workspace", slug).out.startswith("default at version 1")


def test_what_cannot_be_asked_leaves_no_trace(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin_is(monkeypatch, b"\xff")
    (terminal.folder / "half.json").write_text('{"a": ')
    write = ("agents", "context", "write", "ada")
    for arguments, says in {
        (*write, "{a}"): "What was given is not JSON: ",
        (*write, "[1]"): "is JSON but no object",
        (*write, '{"a": NaN}'): "is not JSON",
        (*write, "@half.json"): "The file half.json is not JSON: ",
        (*write, "@missing.json"): "there is no file missing.json",
        (*write, "@."): "is a folder",
        (*write, "-"): "What came on stdin is not JSON: ",
        (*write, '{"a": ' * 300 + "1" + "}" * 300): "What was given cannot be sent: ",
        (*write, "{}", "--expected-version", "-1"): "--expected-version",
        (*write, "{}", "--workspace", "No Such"): "'No Such' is no workspace's id or slug",
        (*write, "{}", "--description", "\udcff"): "What was given cannot be sent: ",
        ("agents", "create", "assistant", "--config", "{"): "is not JSON",
        ("agents", "show", ".."): "'..' is no agent's id, number or slug",
        ("agents", "show", "definitions"): "is no agent's id",
        ("agents", "context", "rollback", "ada", "0"): "VERSION",
    }.items():
        printed = terminal.type(*arguments)
        assert printed.code == 2, arguments
        assert printed.out == "", arguments
        assert says in printed.err, (arguments, printed.err)
    assert not (terminal.folder / "data").exists()
    told = terminal.type(*write, "{a}", "--json")
    assert cast("JsonObject", loads(told.out))["code"] == "bad_usage"
