"""Looking at the processes of an installation, and having one let go of its runs."""

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.engine.hosts import drain_host, list_hosts
from folkmoot.engine.tables import Host
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.scope import Actor
from folkmoot.ops.queries import runs_by_owner
from folkmoot.ops.worker_schemas import WorkerList, WorkerView


class WorksAlone(Conflict):
    """On SQLite one process works on all runs, and nobody could take them over; stop it instead"""


def list_workers(tx: Tx) -> WorkerList:
    """The oldest first; one that died is listed until it is given up."""
    live = runs_by_owner(tx)
    return WorkerList(workers=[_view(host, live.get(host.id, 0)) for host in list_hosts(tx)])


def drain_worker(tx: Tx, actor: Actor, worker_id: str) -> WorkerView:
    """Within seconds it takes no more runs, and lets go of those it has once what is in flight has ended.

    Raises NoSuchHost, WorksAlone.
    """
    drained = _set(tx, worker_id, is_draining=True)
    record(tx, actor, "drain_worker", ("worker", worker_id))
    return drained


def undrain_worker(tx: Tx, actor: Actor, worker_id: str) -> WorkerView:
    """It takes runs again. Raises NoSuchHost, WorksAlone."""
    undrained = _set(tx, worker_id, is_draining=False)
    record(tx, actor, "undrain_worker", ("worker", worker_id))
    return undrained


def _set(tx: Tx, worker_id: str, *, is_draining: bool) -> WorkerView:
    if tx.dialect == "sqlite":
        raise WorksAlone
    host = drain_host(tx, worker_id, is_draining=is_draining)
    return _view(host, runs_by_owner(tx).get(worker_id, 0))


def _view(host: Host, live_runs: int) -> WorkerView:
    return WorkerView(
        id=host.id,
        kind=host.kind,
        name=host.name,
        address=host.address,
        is_draining=host.is_draining,
        live_runs=live_runs,
        seen_at=host.seen_at,
        created_at=host.created_at,
    )
