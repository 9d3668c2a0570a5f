"""What every dispatcher owes the engine; a second adapter is one more factory in the list."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from folkmoot.engine.dispatch import Dispatcher
from folkmoot.engine.local import LocalDispatcher
from folkmoot.kernel.supervisor import Supervisor

Make = Callable[[Supervisor, int], Dispatcher]


@pytest.fixture(params=[LocalDispatcher])
def make(request: pytest.FixtureRequest) -> Make:
    factory: Make = request.param
    return factory


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = Supervisor()
    yield supervisor
    await supervisor.stop()


class Desk:
    """Notes what it is given and holds it until told to let go."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.taken: list[tuple[str, int]] = []
        self.let_go = asyncio.Event()
        self.arrived = asyncio.Condition()
        self.at_once = self.most_at_once = 0
        if is_open:
            self.let_go.set()

    async def work(self, run_id: str, epoch: int) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.taken.append((run_id, epoch))
        async with self.arrived:
            self.arrived.notify_all()
        await self.let_go.wait()
        self.at_once -= 1

    async def has(self, number: int) -> None:
        async with asyncio.timeout(10), self.arrived:
            await self.arrived.wait_for(lambda: len(self.taken) >= number)


async def test_what_is_told_is_worked_on(make: Make, supervisor: Supervisor) -> None:
    desk, dispatcher = Desk(), make(supervisor, 8)
    await dispatcher.start(desk.work)
    for number in range(50):
        dispatcher.tell(f"run {number}", 0)
    await desk.has(50)
    assert {run_id for run_id, _ in desk.taken} == {f"run {number}" for number in range(50)}


async def test_a_pair_that_is_known_is_not_begun_twice(make: Make, supervisor: Supervisor) -> None:
    desk, dispatcher = Desk(is_open=False), make(supervisor, 8)
    await dispatcher.start(desk.work)
    for _ in range(3):
        dispatcher.tell("run", 1)
    dispatcher.tell("run", 2)
    await desk.has(2)
    assert sorted(desk.taken) == [("run", 1), ("run", 2)]


async def test_no_more_is_in_work_than_allowed(make: Make, supervisor: Supervisor) -> None:
    desk, dispatcher = Desk(is_open=False), make(supervisor, 3)
    await dispatcher.start(desk.work)
    for number in range(9):
        dispatcher.tell(f"run {number}", 0)
    await desk.has(3)
    desk.let_go.set()
    await desk.has(9)
    assert desk.most_at_once == 3


async def test_work_that_raises_takes_nothing_else_down(
    make: Make, supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    desk, dispatcher = Desk(), make(supervisor, 1)

    async def work(run_id: str, epoch: int) -> None:
        if run_id == "broken":
            raise ZeroDivisionError
        await desk.work(run_id, epoch)

    await dispatcher.start(work)
    dispatcher.tell("broken", 0)
    dispatcher.tell("sound", 0)
    await desk.has(1)
    assert desk.taken == [("sound", 0)]
    assert "broken" in caplog.text


async def test_after_stop_nothing_new_is_begun_and_what_is_in_work_goes_on(make: Make, supervisor: Supervisor) -> None:
    desk, dispatcher = Desk(is_open=False), make(supervisor, 1)
    dispatcher.tell("too early", 0)
    await dispatcher.start(desk.work)
    dispatcher.tell("first", 0)
    dispatcher.tell("second", 0)
    await desk.has(1)
    await dispatcher.stop()
    dispatcher.tell("too late", 0)
    assert desk.at_once == 1
    desk.let_go.set()
    again = Desk()
    await dispatcher.start(again.work)
    dispatcher.tell("second", 0)
    await again.has(1)
    assert (desk.taken, again.taken) == ([("first", 0)], [("second", 0)])
