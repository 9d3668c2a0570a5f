"""`folkmoot runs replay|export`: a run told again from its journal, by the server or out of a file."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from folkmoot.cli.connection import connect
from folkmoot.cli.folder import write
from folkmoot.cli.outcome import print_end
from folkmoot.cli.printing import print_text
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.progress import Progress
from folkmoot.cli.run_ids import RunId, run_path
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import objects, word
from folkmoot.cli.time_travel import cursor_pages
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import Json, JsonObject, dumps, loads

FORMAT = "folkmoot-run-1"

_LONGEST_PAUSE_SECONDS = 5.0
"""A run may have waited for days; who watches it again does not."""


class Recording(NamedTuple):
    """A run as it is told again: how it is now, and a frame for each entry of its journal."""

    run: JsonObject
    frames: list[JsonObject]


def replay_run(
    run: Annotated[str, typer.Argument(help="The run's id, or a file that export has written.", metavar="RUN_ID")],
    speed: Annotated[float, typer.Option(min=0.01, max=10_000, help="So many times as fast as it was.")] = 1.0,
    instant: Annotated[bool, typer.Option("--instant", help="Without any pause.")] = False,
) -> None:
    """Show a run again as it went, from its journal alone: no language model is asked."""

    async def work(signals: Signals) -> int:
        screen = Screen()
        signals.at_once.append(screen.leave_at_once)
        recording = await _recorded(run, screen, signals)
        screen.say(f"run {word(recording.run.get('id'))}")
        with screen.living():
            await _play(recording.frames, Progress(screen), None if instant else speed)
        print_end(recording.run)
        return 0

    go(work)


def export_run(
    run_id: RunId,
    out: Annotated[Path, typer.Option(help="The file to write; runs replay reads it.")],
) -> None:
    """Write a run, its journal and its artifacts' names into a file; secrets are hidden in it."""

    async def work(signals: Signals) -> int:
        path = run_path(run_id)
        async with connect(Screen(), signals) as client:
            found: JsonObject = {
                "format": FORMAT,
                "run": await client.get(path),
                "journal": [entry async for entry in cursor_pages(client, f"{path}/journal", "entries")],
                "frames": [frame async for frame in cursor_pages(client, f"{path}/replay", "frames")],
                "artifacts": [artifact async for artifact in client.pages(f"{path}/artifacts", "artifacts")],
            }
        write(out, dumps(found).encode())
        print_text(f"{out}: {len(objects(found['journal']))} entries of run {run_id}")
        return 0

    go(work)


async def _recorded(run: str, screen: Screen, signals: Signals) -> Recording:
    if not is_id(run):
        return _read(Path(run))
    path = run_path(run)
    async with connect(screen, signals) as client:
        shown = await client.get(path)
        return Recording(shown, [frame async for frame in cursor_pages(client, f"{path}/replay", "frames")])


def _read(path: Path) -> Recording:
    """Raises BadUsage."""
    try:
        found = loads(path.read_bytes())
    except OSError as error:
        raise BadUsage(f"{path} is neither a run's id nor a file that can be read: {error.strerror}") from None
    except ValueError:
        found = None
    match found:
        case {"format": str(known), "run": dict(run), "frames": list(frames)} if known == FORMAT:
            return Recording(run, objects(frames))
        case _:
            raise BadUsage(f"{path} is no file that folkmoot runs export has written")


async def _play(frames: list[JsonObject], progress: Progress, speed: float | None) -> None:
    """What followers were told, in the same words; without a speed all of it at once."""
    before: datetime | None = None
    for frame in frames:
        log = frame.get("log")
        line = log if isinstance(log, dict) else {}
        at = _moment(line.get("at"))
        if speed is not None and before is not None and at is not None:
            await asyncio.sleep(min(_LONGEST_PAUSE_SECONDS, max(0.0, (at - before).total_seconds() / speed)))
        before = at or before
        progress.log(line)
        progress.used(frame.get("usage"))
        for event in objects(frame.get("events")):
            progress.event(event)


def _moment(text: Json) -> datetime | None:
    try:
        return datetime.fromisoformat(word(text))
    except ValueError:
        return None
