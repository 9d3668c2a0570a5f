"""The processes of an installation over HTTP, for its admins."""

from typing import Annotated

from fastapi import APIRouter, Path

from folkmoot.accounts.deps import Administrator, AdminsOnly
from folkmoot.engine.hosts import NoSuchHost
from folkmoot.http.deps import Db
from folkmoot.http.problems import problems
from folkmoot.ops import workers
from folkmoot.ops.worker_schemas import WorkerList, WorkerView
from folkmoot.ops.workers import WorksAlone

WorkerId = Annotated[str, Path(max_length=255, description="The process's id")]

router = APIRouter(prefix="/api/workers", tags=["workers"])


@router.get("", responses=problems(AdminsOnly))
async def list_workers(db: Db, _: Administrator) -> WorkerList:
    """Servers, workers and commands that share the database, the oldest first."""
    return await db.read_long(workers.list_workers)


@router.post("/{worker_id}/drain", responses=problems(AdminsOnly, NoSuchHost, WorksAlone))
async def drain_worker(db: Db, caller: Administrator, worker_id: WorkerId) -> WorkerView:
    """Have it take no more runs and hand over those it has."""
    return await db.write(workers.drain_worker, caller.actor, worker_id)


@router.post("/{worker_id}/undrain", responses=problems(AdminsOnly, NoSuchHost, WorksAlone))
async def undrain_worker(db: Db, caller: Administrator, worker_id: WorkerId) -> WorkerView:
    """Have it take runs again."""
    return await db.write(workers.undrain_worker, caller.actor, worker_id)
