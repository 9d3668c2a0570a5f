"""Calls of workers. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.ops import Worker, WorkerList
from folkmoot.client.wire import Call


def list_workers() -> Call[WorkerList]:
    """Servers, workers and commands that share the database, the oldest first."""
    return Call("GET", "/api/workers", wire.one(WorkerList))


def drain_worker(worker_id: str) -> Call[Worker]:
    """Have it take no more runs and hand over those it has."""
    return Call("POST", wire.path("/api/workers/{worker_id}/drain", worker_id=worker_id), wire.one(Worker))


def undrain_worker(worker_id: str) -> Call[Worker]:
    """Have it take runs again."""
    return Call("POST", wire.path("/api/workers/{worker_id}/undrain", worker_id=worker_id), wire.one(Worker))
