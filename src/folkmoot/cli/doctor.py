"""`folkmoot doctor`: is everything there that a start needs, and what to do where it is not."""

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

from folkmoot.cli.checkup import Finding, examine
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import one_line
from folkmoot.kernel.json import dumps
from folkmoot.kernel.settings import load_settings


def command(json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False) -> None:
    """Check settings, disk, database, Redis and language model; exit code 1 where something has failed."""

    async def work(signals: Signals) -> int:
        found = []
        async for finding in examine(load_settings()):
            found.append(finding)
            if not json:
                _print(finding)
        counted = Counter(finding.state for finding in found)
        if json:
            typer.echo(dumps({"ok": not counted["failed"], "checks": [asdict(finding) for finding in found]}))
        return 1 if counted["failed"] else 0

    go(work, is_json=json)


def _print(finding: Finding) -> None:
    typer.echo(f"{finding.state:<8} {finding.part:<11} {one_line(finding.text)}")
    if finding.advice is not None:
        typer.echo(f"{'':<20} {one_line(finding.advice)}")
