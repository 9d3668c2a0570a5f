"""Waiting for a run longer than one request may take."""

from time import monotonic

from folkmoot.client.calls import runs
from folkmoot.client.resources.runs import Run
from folkmoot.client.session import Session

FINAL = frozenset({"completed", "failed", "cancelled", "timeout"})
_ONE_REQUEST_SECONDS = 60.0


async def wait_for_run(session: Session, run_id: str, timeout: float | None = None) -> Run:  # noqa: ASYNC109 wire name
    """The run once it has ended, or as it is after `timeout` seconds; by default however long it takes.

    A run that waits for a person or is paused has not ended.
    """
    ends_at = None if timeout is None else monotonic() + timeout
    while True:
        left = _ONE_REQUEST_SECONDS if ends_at is None else ends_at - monotonic()
        run = await session.call(runs.wait_for_run(run_id, timeout=min(_ONE_REQUEST_SECONDS, max(0.0, left))))
        if run.status in FINAL or (ends_at is not None and left <= _ONE_REQUEST_SECONDS):
            return run
