"""TaskProcessor: a queue of background functions under names of the caller's, asked without awaiting anything."""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Problem, Unavailable
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.rules import RunStatus
from folkmoot.runs.tables import Run
from folkmoot.tasks.functions import Function, Functions, FunctionStatus, Work, name_of, status_of, work_of

AT_ONCE = 32
MOST_KNOWN = 1000
"""Tasks that have ended whose status is remembered; their runs are kept for good."""

_RETRY_SECONDS = 1.0


class TaskIdInUse(Conflict):
    """A task of this id has not ended"""


@dataclass(slots=True, eq=False)
class Job:
    status: FunctionStatus
    function: Function
    callback: Function | None


class TaskProcessor:
    """May be used from any thread. What is submitted before `start` waits for it; `stop` holds back what waits."""

    def __init__(self, functions: Functions, here: Callable[[], Awaitable[Scope]]) -> None:
        """`here` answers the workspace the runs are made in. Made on the event loop it works on."""
        self._functions = functions
        self._here = here
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._at_work = 0
        self._is_started = False

    def start(self) -> None:
        """Begin to work; started already is no change."""
        self._is_started = True
        self._loop.call_soon_threadsafe(self._begin)

    def stop(self) -> None:
        """Begin nothing more until `start`; what is being worked on ends."""
        self._is_started = False

    def submit_task(
        self,
        task_id: str | None,
        func: Function,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        callback: Function | None = None,
    ) -> str:
        """Answers the task's id. The callback gets what the function returned, where it did. Raises TaskIdInUse."""
        if not callable(func):
            raise TypeError(f"{func!r} is no function")
        known_as = task_id or new_id()
        status = FunctionStatus(
            task_id=known_as,
            name=name_of(func),
            status=RunStatus.PENDING.value,
            result=None,
            error=None,
            created_at=now(),
            finished_at=None,
        )
        job = Job(status, partial(func, *args, **(kwargs or {})), callback)
        with self._lock:
            before = self._jobs.pop(known_as, None)
            if before is not None and before.status["finished_at"] is None:
                self._jobs[known_as] = before
                raise TaskIdInUse(f"A task {known_as!r} has not ended", task_id=known_as)
            self._jobs[known_as] = job
            self._forget()
        self._loop.call_soon_threadsafe(self._add, job)
        return known_as

    def get_task_status(self, task_id: str) -> FunctionStatus | None:
        """Of a task this process was given; its name is the function's."""
        with self._lock:
            job = self._jobs.get(task_id)
            return None if job is None else job.status.copy()

    def _forget(self) -> None:
        ended = [task_id for task_id, job in self._jobs.items() if job.status["finished_at"] is not None]
        for task_id in ended[: max(0, len(ended) - MOST_KNOWN)]:
            del self._jobs[task_id]

    def _add(self, job: Job) -> None:
        self._waiting.append(job)
        self._begin()

    def _begin(self) -> None:
        while self._is_started and self._waiting and self._at_work < AT_ONCE:
            job = self._waiting.popleft()
            self._at_work += 1
            task = self._functions.engine.supervisor.start(self._process(job), f"task {job.status['task_id']}")
            task.add_done_callback(lambda _: self._has_ended())

    def _has_ended(self) -> None:
        self._at_work -= 1
        self._begin()

    async def _process(self, job: Job) -> None:
        work = work_of(job.function)
        try:
            run = await self._record(job, work)
        except Problem as problem:
            self._note(job, status=RunStatus.FAILED.value, error=problem.detail, finished_at=now())
            return
        self._note(job, status=str(run.status))
        run = await work.ended
        shown = status_of(run)
        result: Json = shown["result"]
        self._note(job, status=shown["status"], error=shown["error"], finished_at=shown["finished_at"], result=result)
        if job.callback is not None and run.status == RunStatus.COMPLETED:
            await self._functions.call_back(job.callback, work.value)

    async def _record(self, job: Job, work: Work) -> Run:
        """The run, as soon as there is room for it and a database."""
        meta_data: JsonObject = {"task_id": job.status["task_id"]}
        while True:
            try:
                return await self._functions.start(await self._here(), job.status["name"], work, meta_data)
            except Unavailable:
                await asyncio.sleep(_RETRY_SECONDS)

    def _note(
        self,
        job: Job,
        *,
        status: str,
        error: str | None = None,
        finished_at: datetime | None = None,
        result: Json = None,
    ) -> None:
        with self._lock:
            job.status |= {"status": status, "error": error, "finished_at": finished_at, "result": result}
