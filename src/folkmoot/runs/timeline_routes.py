"""Time travel over HTTP: a run's journal, two runs compared, a run told again, forked and retried."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from starlette.requests import HTTPConnection

from folkmoot.http.deps import Db
from folkmoot.http.problems import problems
from folkmoot.http.text import Line
from folkmoot.kernel.ids import checked_id
from folkmoot.kernel.json import LARGEST_INTEGER
from folkmoot.providers.deps import Secrets
from folkmoot.runs import forks, timeline_views
from folkmoot.runs.deps import Engine, RunId
from folkmoot.runs.forks import (
    Forked,
    Forks,
    InputNotTaken,
    NotForkable,
    NothingToRetry,
    RunNotEnded,
    UnknownPosition,
)
from folkmoot.runs.idempotency import KeyInUse, KeyReused, request_key
from folkmoot.runs.queries import NoSuchRun
from folkmoot.runs.redaction import Mask
from folkmoot.runs.schemas import RunView
from folkmoot.runs.timeline_schemas import NewFork, RunDiff, RunJournal, RunReplay
from folkmoot.runs.views import show_run
from folkmoot.workspaces.deps import Here

router = APIRouter(prefix="/api/runs", tags=["runs"])
_UNKNOWN = problems(NoSuchRun)
_STARTING = (NoSuchRun, NotForkable, KeyReused, KeyInUse)

Cursor = Annotated[int, Query(ge=0, le=LARGEST_INTEGER, description="Answer only the entries after this seq")]
Limit = Annotated[int, Query(ge=1, le=200)]
Seconds = Annotated[float, Query(ge=0, le=300, description="Seconds to wait for the run's end")]
IdempotencyKey = Annotated[Line | None, Header(description="The same key and body within 24 hours answer the same run")]


async def _mask(connection: HTTPConnection, here: Here, vault: Secrets) -> Mask:
    """Over what this server and the workspace keep secret."""
    own: tuple[str, ...] = connection.app.state.server_secrets
    return Mask((*own, *await vault.values_of(here)))


async def _forks(connection: HTTPConnection, engine: Engine) -> Forks:
    return Forks(engine, connection.app.state.run_number)


async def _other(other: Annotated[str, Query(description="The other run's id")]) -> str:
    return checked_id(other, NoSuchRun)


Hidden = Annotated[Mask, Depends(_mask)]
Forking = Annotated[Forks, Depends(_forks)]
OtherRun = Annotated[str, Depends(_other)]


@router.get("/{run_id}/journal", responses=_UNKNOWN)
async def list_run_journal(
    db: Db, here: Here, mask: Hidden, run_id: RunId, after: Cursor = 0, limit: Limit = 50
) -> RunJournal:
    """What the run stands for, entry by entry. Prompts are recipes and hashes in it, secrets are hidden."""
    return await db.read_long(timeline_views.show_journal, here, run_id, mask, after, limit)


@router.get("/{run_id}/diff", responses=_UNKNOWN)
async def compare_runs(db: Db, here: Here, mask: Hidden, run_id: RunId, other: OtherRun) -> RunDiff:
    """Where the two journals differ, apart from times, ids, usage and control."""
    return await db.read_long(timeline_views.show_diff, here, run_id, other, mask)


@router.get("/{run_id}/replay", responses=_UNKNOWN)
async def replay_run(
    db: Db, engine: Engine, here: Here, mask: Hidden, run_id: RunId, after: Cursor = 0, limit: Limit = 50
) -> RunReplay:
    """The run told again from its journal alone, also where its events are pruned: no language model is asked."""
    return await db.read_long(timeline_views.show_replay, engine, here, run_id, mask, (after, limit))


@router.post("/{run_id}/fork", status_code=202, responses=problems(*_STARTING, UnknownPosition, InputNotTaken))
async def fork_run(
    new: NewFork,
    db: Db,
    forking: Forking,
    here: Here,
    run_id: RunId,
    response: Response,
    idempotency_key: IdempotencyKey = None,
    wait: Seconds = 0,
) -> RunView:
    """Start a run over the journal up to a position. What was only begun there is begun anew."""
    key = request_key(idempotency_key, f"POST /api/runs/{run_id}/fork", new.model_dump(mode="json"))
    wanted = Forked(run_id=run_id, after_seq=new.after_seq, changes=new.input, key=key)
    run = await forks.fork_run(forking, here, wanted)
    response.headers["Location"] = f"/api/runs/{run.id}"
    await forking.engine.wait(here, run.id, wait)
    return await db.read(show_run, here, run.id, with_cursor=False)


@router.post("/{run_id}/retry", status_code=202, responses=problems(*_STARTING, RunNotEnded, NothingToRetry))
async def retry_run(
    db: Db,
    forking: Forking,
    here: Here,
    run_id: RunId,
    response: Response,
    idempotency_key: IdempotencyKey = None,
    wait: Seconds = 0,
) -> RunView:
    """Start a run over the journal up to the fault that ended it, or, where it was stopped, over all of it."""
    key = request_key(idempotency_key, f"POST /api/runs/{run_id}/retry", {})
    run = await forks.fork_run(forking, here, Forked(run_id=run_id, key=key))
    response.headers["Location"] = f"/api/runs/{run.id}"
    await forking.engine.wait(here, run.id, wait)
    return await db.read(show_run, here, run.id, with_cursor=False)
