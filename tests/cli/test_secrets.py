"""A workspace's own keys as they are typed: in by stdin, never on the command line, never out."""

import io
import sys
from typing import cast

import pytest

from folkmoot.kernel.json import JsonObject, loads
from tests.cli.terminal import Terminal

CANARY = "sk-canary-0123456789abcdef"


def stdin_is(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))


@pytest.mark.system
def test_set_listed_rotated_deleted(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert terminal.type("secrets", "list").out == "There are no secrets here\n"
    stdin_is(monkeypatch, f"{CANARY}\n".encode())
    assert terminal.type("secrets", "set", "openai_api_key") == (0, "openai_api_key is set\n", "")
    assert terminal.type("workspaces", "create", "Harbour").code == 0
    stdin_is(monkeypatch, b"a token\n")
    assert terminal.type("secrets", "set", "webhook", "--workspace", "harbour").code == 0
    listed = terminal.type("secrets", "list")
    assert listed.out.splitlines()[0].split() == ["NAME", "SET", "KEY"]
    assert "openai_api_key" in listed.out
    assert "current" in listed.out
    assert "webhook" not in listed.out
    assert "webhook" in terminal.type("secrets", "list", "--workspace", "harbour").out
    shown = terminal.type("secrets", "list", "--json")
    assert cast("JsonObject", loads(shown.out))["total"] == 1
    monkeypatch.setenv("SECRET_KEY", "7f3c9a51e0b84d26a1c5f7e90d3b6a48")
    lost = terminal.type("secrets", "rotate")
    assert lost.out.splitlines()[0] == "0 encrypted anew, 2 unreadable"
    assert "openai_api_key of workspace" in lost.out
    monkeypatch.setenv("PREVIOUS_SECRET_KEYS", (terminal.folder / "data" / "secret.key").read_text().strip())
    assert "old" in terminal.type("secrets", "list").out
    assert terminal.type("secrets", "rotate").out == "2 encrypted anew, 0 unreadable\n"
    assert terminal.type("secrets", "delete", "openai_api_key") == (0, "openai_api_key is deleted\n", "")
    for printed in (listed, shown, lost):
        assert "canary" not in f"{printed.out}{printed.err}"


@pytest.mark.system
def test_what_cannot_be_a_secret_is_one_sentence(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value, says in (
        ("openai_api_key", b"canary too short", "is no provider's key"),
        ("openai_api_key", b"canary \xff\xfe", "not UTF-8"),
        ("openai_api_key", b"\n", "no value on stdin"),
        ("Not-A-Name", CANARY.encode(), "is no secret's name"),
    ):
        stdin_is(monkeypatch, value)
        printed = terminal.type("secrets", "set", name)
        assert (printed.code, printed.out) == (2, ""), printed
        assert says in printed.err
        assert "canary" not in printed.err
        assert printed.err.count("\n") == 1
    assert terminal.type("secrets", "delete", "nothing").code == 2
    nowhere = terminal.type("secrets", "list", "--workspace", "nowhere")
    assert (nowhere.code, "There is no workspace nowhere" in nowhere.err) == (2, True)
