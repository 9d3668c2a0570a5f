"""The end of a run at the terminal: its result, its artifacts as files, its id, and the exit code."""

import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from folkmoot.cli.client import Client
from folkmoot.cli.folder import file_name, usable, write
from folkmoot.cli.problems import COMPLETED, INTERRUPTED, NOT_COMPLETED
from folkmoot.cli.screen import one_line
from folkmoot.cli.text import duration_words, number, result_lines, status_of, status_words, usage_words
from folkmoot.kernel.json import JsonObject, dumps

DEFAULT_FOLDER = Path("folkmoot-out")

_KEPT = (
    "task_id", "run_number", "status", "stop_reason", "error_code", "error_message",
    "results", "usage", "round_count", "duration_seconds",
)  # fmt: skip


async def deliver(client: Client, run: JsonObject, out: Path | None, *, is_json: bool) -> None:
    """Write the newest version of each artifact and print what the run came to."""
    run_id = str(run["id"])
    folder = out or DEFAULT_FOLDER / run_id
    files = await write_artifacts(client, run_id, folder)
    if is_json:
        told: JsonObject = {"run_id": run_id, **{key: run.get(key) for key in _KEPT}}
        told["folder"] = str(folder) if files else None
        told["artifacts"] = [{"name": name, "path": path} for name, path in files.items()]
        sys.stdout.write(dumps(told) + "\n")
        return
    written = [f"Artifacts in {folder}:", *(f"  {Path(path).name}" for path in files.values()), ""] if files else []
    print_end(run, written)


def print_end(run: JsonObject, written: Sequence[str] = ()) -> None:
    """What the run came to; `written` are lines about its files."""
    took = ", ".join(part for part in (duration_words(run), usage_words(run.get("usage"))) if part)
    hint = ["decide with: folkmoot approvals list"] if status_of(run) == "awaiting_approval" else []
    lines = [*result_lines(run), *written, status_words(run), *hint, took, f"run {run.get('id')}"]
    sys.stdout.write("\n".join(lines) + "\n")


def code_of(run: JsonObject) -> int:
    return COMPLETED if status_of(run) == "completed" else NOT_COMPLETED


def code_after_interrupt(run: JsonObject) -> int:
    """A run that completed before it could be cancelled did complete."""
    return COMPLETED if status_of(run) == "completed" else INTERRUPTED


async def write_artifacts(client: Client, run_id: str, folder: Path) -> dict[str, str]:
    """Write the newest version of each; name to path of what was written."""
    newest: dict[str, JsonObject] = {}
    async for artifact in client.pages(f"/api/runs/{run_id}/artifacts", "artifacts"):
        name = str(artifact.get("name"))
        if name not in newest or number(artifact.get("version")) > number(newest[name].get("version")):
            newest[name] = artifact
    if newest:
        usable(folder)
    written, taken = dict[str, str](), set[str]()
    for name, artifact in newest.items():
        path = folder / file_name(name, taken)
        write(path, await client.body(f"/api/runs/{run_id}/artifacts/{quote(str(artifact['id']), safe='')}"))
        written[one_line(name)] = str(path)
    return written
