"""`folkmoot models` and what `folkmoot doctor` says of providers."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from folkmoot.kernel.json import loads
from tests.cli.terminal import Terminal
from tests.stubs.ollama_stub import MODEL, OllamaStub
from tests.stubs.stub import Reply


@contextmanager
def ollama(reply: Reply) -> Iterator[str]:
    """In a thread: a command has an event loop of its own."""
    address: list[str] = []
    ready, over = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with OllamaStub([reply]) as stub:
            address.append(stub.address)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    try:
        yield address[0]
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()


def test_the_doctor_asks_each_provider(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with ollama(Reply(text="Yes.")) as address:
        monkeypatch.setenv("OLLAMA_HOST", address)
        monkeypatch.setenv("DEFAULT_MODEL", f"ollama:{MODEL}")
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        monkeypatch.setenv("EMBEDDING_MODEL", "ollama:embed-stub:latest")
        printed = terminal.type("doctor")
        examined = {line.split()[1]: line for line in printed.out.splitlines() if line[0] != " "}
        assert (printed.code, examined["model"][:2]) == (0, "ok")
        assert "64 dimensions" in examined["embeddings"]
        assert examined["openai"].startswith("warning")
        monkeypatch.setenv("EMBEDDING_MODEL", "practice")
        printed = terminal.type("doctor")
        assert (printed.code, "Change EMBEDDING_MODEL" in printed.out) == (1, True)


@pytest.mark.system
def test_models_are_listed_and_tried(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with ollama(Reply(text="Yes.")) as address:
        monkeypatch.setenv("OLLAMA_HOST", address)
        monkeypatch.setenv("DEFAULT_MODEL", f"ollama:{MODEL}")
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        listed = terminal.type("models", "list")
        assert listed.out.splitlines()[0].split() == ["MODEL", "WINDOW", "CAN"]
        assert f"ollama:{MODEL} (default)" in listed.out
        assert "32,768" in listed.out
        assert "openai: The language model's server cannot be reached" in listed.err
        only = terminal.type("models", "list", "--ability", "embeddings", "--json")
        page = loads(only.out)
        assert isinstance(page, dict)
        assert page["total"] == 1
        tried = terminal.type("models", "test")
        assert (tried.code, tried.out.splitlines()[1]) == (0, "Yes.")
        assert "12 tokens in, 7 out, no cost" in tried.out
        vectors = terminal.type("models", "test", "ollama:embed-stub:latest", "--ability", "embeddings")
        assert (vectors.code, vectors.out.splitlines()[1]) == (0, "64 dimensions")
        failed = terminal.type("models", "test", "openai:x")
        assert (failed.code, "(model_unreachable)" in failed.out) == (1, True)
        unknown = terminal.type("models", "test", "nobody:x")
        assert (unknown.code, unknown.out) == (2, "")
        assert "provider:name" in unknown.err
