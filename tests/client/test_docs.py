"""What docs/client.md shows works as it is written."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.house.source import ROOT

PAGE = (ROOT / "docs/client.md").read_text()


def run_blocks(address: str) -> None:
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block.replace("http://127.0.0.1:8000", address), "docs/client.md", "exec"), {})


async def test_the_examples_work(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bees.md").write_text("# Bees\n\nSwarms leave in May.\n")
    monkeypatch.chdir(tmp_path)
    await asyncio.to_thread(run_blocks, address)
    printed = capsys.readouterr().out
    assert "no_such_agent Agent not found" in printed
    assert "bees.md # Bees\n\nSwarms leave in May." in printed
    assert re.search(r"^\d+ completion$", printed, re.MULTILINE)
    assert re.search(r"^\d+ (resource_changed|agent_)\w* \{", printed, re.MULTILINE)
