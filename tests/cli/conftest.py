"""Every test of the terminal has a folder, data and an environment of its own."""

import logging
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal, environment


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("DATABASE_URL", "DB_HOST", "POSTGRES_SERVER", "DEFAULT_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GOOGLE_API_KEY", "GOOGLE_BASE_URL", "OLLAMA_HOST", "EMBEDDING_MODEL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.getLogger("folkmoot"), "handlers", [])  # `serve` gives it the stream of its test
    return Terminal(tmp_path, capsys)
