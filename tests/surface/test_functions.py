"""Background functions: what becomes of coroutines, functions, their results, their failures and their callbacks."""

import asyncio
import threading
from collections.abc import Callable
from contextvars import Context
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from httpx2 import AsyncClient

from folkmoot import (
    BackgroundTaskRunner,
    MGXStyleTeam,
    NoRunningApp,
    TaskProcessor,
    TaskStatus,
    get_current_user,
    get_task_processor,
    get_task_runner,
    get_team_provider,
)
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.runs.queries import journal
from folkmoot.runs.service import cancel_run
from folkmoot.surface import CurrentUser
from folkmoot.tasks import functions, processor
from folkmoot.tasks.functions import FunctionStatus, TooManyFunctions
from folkmoot.tasks.processor import TaskIdInUse
from folkmoot.tasks.queries import list_tasks
from folkmoot.teams.provider import UnusableTask
from folkmoot.workspaces.queries import NoSuchWorkspace
from tests.databases import new_scope
from tests.persons import enrol
from tests.serving import running, settings_for
from tests.system.server import until

SECONDS = 20


async def end_of(app: FastAPI, task_id: str) -> FunctionStatus:
    await app.state.engine.wait(await app.state.workspaces.find(), task_id, SECONDS)
    status = await get_task_runner().get_status(task_id)
    assert status is not None
    return status


async def end_in(tasks: TaskProcessor, task_id: str) -> FunctionStatus:
    """The processor is asked, not told: it says nothing of its own accord but to a callback."""
    found: list[FunctionStatus] = []

    def has_ended() -> bool:
        status = tasks.get_task_status(task_id)
        assert status is not None
        found.append(status)
        return status["finished_at"] is not None

    await until(has_ended)
    return found[-1]


async def answering(value: object) -> object:
    return value


class Odd:
    def __repr__(self) -> str:
        return "odd" * 1000


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        ({"a": [1, 2.5, "x\x00y"]}, {"a": [1, 2.5, "xy"]}),
        ((1, 2), [1, 2]),
        ({1, 2}, "{1, 2}"),
        (2**70, str(2**70)),
        ("\ud800", "'\\ud800'"),
        (Odd(), ("odd" * 1000)[:2000]),
    ],
)
async def test_what_a_function_returns(app: FastAPI, value: object, shown: object) -> None:
    runner = app.state.task_runner
    assert isinstance(runner, BackgroundTaskRunner)
    for function in (answering(value), lambda: value, lambda: answering(value)):
        status = await end_of(app, await runner.submit(function, name="answer"))
        assert (status["name"], status["status"], status["error"]) == ("answer", TaskStatus.COMPLETED, None)
        assert status["result"] == shown
        assert isinstance(status["finished_at"], datetime)


async def raising(error: BaseException) -> None:
    raise error


def raises(error: BaseException) -> Callable[[], object]:
    def function() -> object:
        raise error

    return function


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no boat"), "ValueError: no boat"),
        (SystemExit(3), "SystemExit"),
        (asyncio.CancelledError(), "CancelledError"),
        (StopIteration(), "StopIteration"),
    ],
)
async def test_what_a_function_raises(app: FastAPI, error: BaseException, said: str) -> None:
    for function in (raising(error), raises(error)):
        task_id = await get_task_runner().submit(function, name="raise")
        status = await end_of(app, task_id)
        assert (status["status"], status["result"]) == ("failed", None)
        assert said in str(status["error"])
        scope = await app.state.workspaces.find()
        run = await app.state.engine.wait(scope, task_id, 0)
        assert (run.kind, run.stop_reason, run.error_code) == ("function", "raised", "function_failed")


async def test_a_function_blocks_nobody(app: FastAPI, client: AsyncClient) -> None:
    goes_on = threading.Event()
    task_id = await get_task_runner().submit(goes_on.wait, name="blocked")
    assert (await client.get("/health")).status_code == 200
    goes_on.set()
    assert (await end_of(app, task_id))["result"] is True


async def test_cancelling_ends_a_coroutine(app: FastAPI, client: AsyncClient) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def forever() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    task_id = await get_task_runner().submit(forever(), name="forever")
    await begun.wait()
    assert (await client.post(f"/api/runs/{task_id}/cancel")).json()["status"] == "cancelled"
    await asyncio.wait_for(cancelled.wait(), SECONDS)
    assert (await end_of(app, task_id))["status"] == "cancelled"
    at_once = await get_task_runner().submit(forever(), name="cancelled before it begins")
    await cancel_run(app.state.engine, await app.state.workspaces.find(), at_once)
    assert (await end_of(app, at_once))["status"] == "cancelled"


async def test_a_function_knows_its_application(app: FastAPI) -> None:
    async def submits() -> str:
        return await get_task_runner().submit(in_thread, name="inner")

    def in_thread() -> bool:
        return get_task_processor() is get_task_processor()

    outer = await end_of(app, await get_task_runner().submit(submits(), name="outer"))
    assert (await end_of(app, str(outer["result"])))["result"] is True


async def test_outside_there_is_no_application(app: FastAPI) -> None:
    assert get_team_provider() is app.state.team_provider
    for find in (get_team_provider, get_task_runner, get_task_processor):
        with pytest.raises(NoRunningApp):
            Context().run(find)


async def test_after_its_end_there_is_no_application(database_url: str, tmp_path: Path) -> None:
    async with running(settings_for(database_url, tmp_path)):
        get_task_runner()
    with pytest.raises(NoRunningApp):
        get_task_runner()


async def test_other_ids_are_no_background_tasks(app: FastAPI) -> None:
    runner, other = get_task_runner(), await app.state.runtime.db.write(new_scope)
    task_id = await runner.submit(answering(1), workspace_id=other.workspace_id)
    team = await get_team_provider().run_task("Build a boat")
    for unknown in (task_id, team["run_id"], new_id(), "nothing"):
        assert await runner.get_status(unknown) is None
    status = await runner.get_status(task_id, workspace_id=other.workspace_id)
    assert status is not None
    assert status["name"] == "answering"
    with pytest.raises(NoSuchWorkspace):
        await runner.submit(answering(1), workspace_id=new_id())


async def test_too_many_are_refused(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "MOST_AT_ONCE", 1)
    goes_on, runner = asyncio.Event(), get_task_runner()
    first = await runner.submit(goes_on.wait(), name="first")
    with pytest.raises(TooManyFunctions):
        await runner.submit(answering(1))
    goes_on.set()
    await end_of(app, first)
    assert (await end_of(app, await runner.submit(answering(1))))["result"] == 1


@pytest.mark.system
async def test_a_function_that_was_interrupted_is_not_resumed(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, called = asyncio.Event(), list[str]()

    async def forever(name: str) -> None:
        called.append(name)
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("folkmoot.life.GRACE_SECONDS", 0.01)
    async with running(settings_for(database_url, tmp_path)) as app:
        task_id = await get_task_runner().submit(forever("first"), name="forever")
        await begun.wait()
        await get_task_runner().submit(forever("never begun"), name="forever")
    async with running(settings_for(database_url, tmp_path)) as app:
        status = await end_of(app, task_id)
        scope: Scope = await app.state.workspaces.find()
        run = await app.state.engine.wait(scope, task_id, 0)
        entries = await app.state.runtime.db.read(journal, task_id)
    assert (status["status"], run.stop_reason, run.error_code) == ("failed", "interrupted", "interrupted")
    assert status["error"] == "The server stopped while this function was at work; functions are not resumed"
    assert [entry.kind for entry in entries] == ["begun", "done", "ended"]
    assert called[:1] == ["first"]


async def test_the_processor_keeps_order_and_names(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "AT_ONCE", 1)
    tasks, called, goes_on = get_task_processor(), list[int](), threading.Event()

    def note(number: int, *, times: int = 1) -> int:
        goes_on.wait()
        called.append(number)
        return number * times

    for number in range(5):
        assert tasks.submit_task(f"t{number}", note, (number,), {"times": 2}) == f"t{number}"
    with pytest.raises(TaskIdInUse):
        tasks.submit_task("t3", note, (3,))
    goes_on.set()
    ends = [await end_in(tasks, f"t{number}") for number in range(5)]
    assert [status["result"] for status in ends] == [0, 2, 4, 6, 8]
    assert called == [0, 1, 2, 3, 4]
    assert tasks.get_task_status("t9") is None
    again = tasks.submit_task("t3", note, (30,))
    assert (await end_in(tasks, again))["result"] == 30


async def test_what_is_held_back_waits_for_the_start(app: FastAPI) -> None:
    tasks = get_task_processor()
    tasks.stop()
    task_id = await asyncio.to_thread(tasks.submit_task, None, answering, (1,))
    for _ in range(3):
        await asyncio.sleep(0)
    held = tasks.get_task_status(task_id)
    assert held is not None
    assert held["status"] == "pending"
    tasks.start()
    assert (await end_in(tasks, task_id))["result"] == 1


async def test_callbacks_are_called_for_results_only(app: FastAPI) -> None:
    tasks, called = get_task_processor(), list[object]()

    async def later(value: object) -> None:
        called.append(value)

    def fails(value: object) -> None:
        called.append(value)
        raise ValueError("no callback")

    tasks.submit_task("bad", raises(ValueError("no result")), callback=called.append)
    assert "no result" in str((await end_in(tasks, "bad"))["error"])
    for number, callback in enumerate((later, fails, called.append)):
        tasks.submit_task(f"good{number}", lambda: Odd, callback=callback)
        await end_in(tasks, f"good{number}")
    await until(lambda: len(called) == 3)
    assert called == [Odd, Odd, Odd]


async def test_what_is_no_function_is_refused(app: FastAPI) -> None:
    wrong: Any = 3
    with pytest.raises(TypeError):
        await get_task_runner().submit(wrong)
    with pytest.raises(TypeError):
        get_task_processor().submit_task("wrong", wrong)


async def test_a_team_of_ones_own(app: FastAPI) -> None:
    result = await MGXStyleTeam(max_rounds=1).run("Build a boat")
    assert result["status"] == "completed"
    [task] = [row for row in await tasks_of(app) if row["description"] == "Build a boat"]
    assert (task["team"], task["max_rounds"]) == ("mgx", 1)
    with pytest.raises(UnusableTask):
        await get_team_provider().run_task("")


async def tasks_of(app: FastAPI) -> list[dict[str, Any]]:
    scope = await app.state.workspaces.find()
    rows, _ = await app.state.runtime.db.read_long(list_tasks, scope, None, 0, 50)
    return [row.model_dump() for row in rows]


async def test_the_current_user_is_who_calls(app: FastAPI, client: AsyncClient) -> None:
    @app.get("/who")
    async def who(user: Annotated[CurrentUser, Depends(get_current_user)]) -> dict[str, Any]:
        return {**user}

    assert (await client.get("/who")).json() == {
        "id": "local",
        "email": None,
        "full_name": "local owner",
        "is_admin": True,
        "is_active": True,
    }
    ada = await enrol(app, "ada")
    assert (await client.get("/who")).status_code == 401
    assert (await client.get("/who", headers=ada.by_key)).json() == {
        "id": ada.id,
        "email": ada.email,
        "full_name": "ada",
        "is_admin": False,
        "is_active": True,
    }
