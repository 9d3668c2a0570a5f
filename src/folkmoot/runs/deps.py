"""What routes may ask for of runs: the engine, and the ids of a run and an approval."""

from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from folkmoot.kernel.ids import checked_id
from folkmoot.runs.approval_queries import NoSuchApproval
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.queries import NoSuchRun


async def _engine(connection: HTTPConnection) -> RunEngine:
    engine: RunEngine = connection.app.state.engine
    return engine


async def _run_id(run_id: Annotated[str, Path(description="The run's id")]) -> str:
    return checked_id(run_id, NoSuchRun)


async def _approval_id(approval_id: Annotated[str, Path(description="The approval's id")]) -> str:
    return checked_id(approval_id, NoSuchApproval)


Engine = Annotated[RunEngine, Depends(_engine)]
ApprovalId = Annotated[str, Depends(_approval_id)]
RunId = Annotated[str, Depends(_run_id)]
