"""`folkmoot resume`: a paused run goes on, an interrupted one is taken up by whoever holds the data, now us."""

from pathlib import Path
from typing import Annotated

import typer

from folkmoot.cli.client import Client
from folkmoot.cli.process import Signals, go
from folkmoot.cli.run_ids import run_path
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import status_of
from folkmoot.cli.watch import Wish, watch
from folkmoot.kernel.json import JsonObject


def command(
    run_id: Annotated[str, typer.Argument(help="The run's id.", metavar="RUN_ID")],
    out: Annotated[Path | None, typer.Option(help="The folder for artifacts.  [default: folkmoot-out/RUN_ID]")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Go on with a run that was paused or interrupted."""

    async def work(signals: Signals) -> int:
        path = run_path(run_id)

        async def begin(client: Client, screen: Screen) -> JsonObject:
            run = await client.get(path)
            if status_of(run) != "paused":
                return run
            screen.say("resuming")
            return await client.post(f"{path}/resume")

        return await watch(signals, Wish(out, json), begin)

    go(work, is_json=json)
