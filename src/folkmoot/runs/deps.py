"""What routes may ask for of runs: the engine, and a run's id."""

from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from folkmoot.kernel.ids import is_id
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.queries import NoSuchRun


async def _engine(connection: HTTPConnection) -> RunEngine:
    engine: RunEngine = connection.app.state.engine
    return engine


async def _run_id(run_id: Annotated[str, Path(description="The run's id")]) -> str:
    """What is no id names no run."""
    if not is_id(run_id):
        raise NoSuchRun
    return run_id.lower()


Engine = Annotated[RunEngine, Depends(_engine)]
RunId = Annotated[str, Depends(_run_id)]
