"""run_python computes, and reaches nothing: neither files nor the network nor this process, and not for long."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from folkmoot.db.connect import connect
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import loads
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.tools import sandbox
from folkmoot.tools.registry import ToolContext, ToolRegistry
from folkmoot.tools.sandbox import sandbox_tools

needs_sandbox = pytest.mark.skipif(find_spec("pydantic_monty") is None, reason="the extra sandbox is not installed")


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    scope = Scope(workspace_id=new_id(), project_id=new_id(), actor=SYSTEM)
    return ToolContext(scope=scope, db=connect(f"sqlite:///{tmp_path}/unopened.db"))


async def run(context: ToolContext, code: str) -> tuple[bool, str]:
    answer = await ToolRegistry(sandbox_tools()).use(context, "run_python", {"code": code})
    return answer["is_error"] is True, str(answer["text"])


def test_without_the_extra_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "find_spec", lambda name: None)
    assert sandbox_tools() == ()


@needs_sandbox
async def test_it_computes(context: ToolContext) -> None:
    is_error, text = await run(context, "print('hello')\nsum(range(5))")
    assert (is_error, loads(text)) == (False, {"output": "hello\n", "value": "10"})
    assert loads((await run(context, "x = 1"))[1]) == {"output": "", "value": None}


@needs_sandbox
def test_it_is_off() -> None:
    (tool,) = sandbox_tools()
    assert (tool.is_on, tool.risk, tool.effect) == (False, "write", "none")


@needs_sandbox
@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("open('/etc/passwd').read()", "PermissionError"),
        ("import socket", "ModuleNotFoundError"),
        ("import subprocess", "ModuleNotFoundError"),
        ("import os\nos.environ", "RuntimeError"),
        ("__import__('os').system('id')", "Error"),
        ("'x' * 10**9", "MemoryError"),
        ("def f(n): return f(n + 1)\nf(1)", "RecursionError"),
        ("print('begun')\n1 / 0", "begun"),
        ("a b", "newlines"),
    ],
)
async def test_what_it_does_not_do(context: ToolContext, code: str, why: str) -> None:
    is_error, text = await run(context, code)
    assert is_error
    assert why in text


@needs_sandbox
async def test_time_and_output_are_bounded(context: ToolContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 0.1)
    assert "time limit" in (await run(context, "while True: pass"))[1]
    is_error, text = await run(context, "for n in range(10**5): print('0123456789' * 10)")
    assert (is_error, len(text) < sandbox._OUTPUT_BYTES + 500) == (True, True)
