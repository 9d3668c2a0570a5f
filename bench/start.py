"""How soon the product is there and how much it takes: start, memory, `--help`, what an install weighs."""

import importlib.metadata
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from bench.figures import Figure, middle, show
from bench.message import model
from bench.processes import Watched, environment, folkmoot, module, process

ROUNDS = 5
_SETTLE_SECONDS = 1.5
_MEGABYTE = 1_000_000
_LOCK = Path(__file__).resolve().parent.parent / "requirements.txt"
_IMPORTED = """
import folkmoot.app, alembic.command, uvicorn.protocols.http.httptools_impl, json, sys
print(json.dumps([m.__cached__ for m in list(sys.modules.values()) if getattr(m, "__cached__", None)]))
"""


def measure() -> None:
    with TemporaryDirectory(prefix="bench-data-") as data, model() as stub:
        settings = {"DATA_DIR": data, "OPENAI_BASE_URL": f"{stub.address}/v1"}
        serve = folkmoot("serve", "--port", "0")
        with process(serve, settings):
            pass  # the database exists from here on
        ours = [_started(serve, settings) for _ in range(ROUNDS)]
        theirs = [_started(module("bench.floor", "--model-port", str(stub.port)), {}) for _ in range(ROUNDS)]
    show(
        "start and size",
        [
            Figure(
                name="ready on an existing database",
                unit="s",
                measured=middle([seconds for seconds, _ in ours]),
                floor=middle([seconds for seconds, _ in theirs]),
                bar=2.5,
            ),
            Figure(
                name="memory when idle",
                unit="MB",
                measured=middle([memory for _, memory in ours]),
                floor=middle([memory for _, memory in theirs]),
                bar=160,
            ),
            Figure(
                name="folkmoot --help",
                unit="s",
                measured=middle([_run(folkmoot("--help")) for _ in range(ROUNDS)]),
                floor=middle([_run([sys.executable, "-c", "import typer"]) for _ in range(ROUNDS)]),
                bar=0.5,
            ),
            Figure(name="base install with its bytecode", unit="MB", measured=_install_mb(), bar=110),
        ],
    )


def _started(command: list[str], settings: dict[str, str]) -> tuple[float, float]:
    """Seconds until it answers, and MB of memory a moment later."""
    began = time.monotonic()
    with process(command, settings) as server:
        _answers(server)
        seconds = time.monotonic() - began
        time.sleep(_SETTLE_SECONDS)
        return seconds, server.resident_mb()


def _answers(server: Watched) -> None:
    with urlopen(f"{server.address}/api/health", timeout=10) as answer:
        assert answer.status == 200, answer.status


def _run(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, env=environment(), capture_output=True, check=True)
    return time.monotonic() - began


def _install_mb() -> float:
    """All files of the locked distributions without extras, and the bytecode that the install makes of them."""
    files: set[Path] = set()
    for name in re.findall(r"^([a-z0-9._-]+)==", _LOCK.read_text(), re.MULTILINE):
        for file in importlib.metadata.files(name) or ():
            path = Path(str(file.locate()))
            if path.suffix != ".pyc" and path.is_file():
                files.add(path.resolve())
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED], env=environment(), capture_output=True, check=True, text=True
    )
    cached = {Path(name) for name in json.loads(done.stdout) if "site-packages" in name}
    files |= {path for path in cached if path.is_file()}
    return sum(path.stat().st_size for path in files) / _MEGABYTE
