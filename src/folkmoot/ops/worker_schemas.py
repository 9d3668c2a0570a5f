"""The processes of an installation on the wire."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

_WORKER: JsonDict = {
    "id": "01a1fdeb-4e21-7817-87a6-f36ffff09882",
    "kind": "server",
    "name": "machine-2 4711",
    "address": "http://127.0.0.1:8000",
    "is_draining": False,
    "live_runs": 12,
    "seen_at": "2026-11-21T11:43:39.164355Z",
    "created_at": "2026-11-21T09:12:01.004211Z",
}


class WorkerView(BaseModel):
    """A process: `kind` is server, worker, command or guest, of which only the last works on no runs.

    `name` is its machine and process number, `address` where it takes calls; `live_runs` are those it works on.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_WORKER]})

    id: str
    kind: str
    name: str | None
    address: str | None
    is_draining: bool
    live_runs: int
    seen_at: datetime
    created_at: datetime


class WorkerList(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"workers": [_WORKER]}]})

    workers: list[WorkerView]
