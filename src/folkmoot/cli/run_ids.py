"""How a command names a run."""

from typing import Annotated
from urllib.parse import quote

import typer

from folkmoot.cli.problems import BadUsage
from folkmoot.cli.text import word
from folkmoot.kernel.ids import is_id

RunId = Annotated[str, typer.Argument(help="The run's id.", metavar="RUN_ID")]


def run_path(run_id: str, verb: str = "") -> str:
    """The run's address. Raises BadUsage for what cannot be a run's id, before anything is connected."""
    if not is_id(run_id):
        raise BadUsage(f"{word(run_id)} is no run's id; folkmoot runs list shows them")
    return f"/api/runs/{quote(run_id)}" + (f"/{verb}" if verb else "")
